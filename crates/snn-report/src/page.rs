//! A page: headings, sentences, tables and charts, as one HTML file that needs no other, and as Markdown.

use std::fmt::Write;

use crate::{Table, escape};

/// What a page consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A section's title.
    Heading(String),
    /// The title of a part of a section.
    Subheading(String),
    /// A paragraph; words between backquotes are code.
    Text(String),
    /// A paragraph that explains what stands before it.
    Note(String),
    /// A table.
    Table(Table),
    /// Charts side by side. Markdown has none.
    Charts(Charts),
    /// HTML as it is, escaped by whoever made it. Markdown has none.
    Html(String),
}

/// Charts whose series of one place share a colour and a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Charts {
    /// The charts, as SVG.
    pub charts: Vec<String>,
    /// The series' names, in the order of their colours.
    pub legend: Vec<String>,
}

/// A whole page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    title: String,
    parts: Vec<Part>,
}

impl Page {
    /// An empty page of that title.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), parts: Vec::new() }
    }

    /// Adds parts at the end.
    pub fn extend(&mut self, parts: impl IntoIterator<Item = Part>) {
        self.parts.extend(parts);
    }

    /// The page as HTML: styles and charts inside, no script.
    pub fn html(&self) -> String {
        let title = escape(&self.title);
        let body: String = self.parts.iter().map(html).collect();
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>{}</style></head>\
             <body><h1>{title}</h1>{body}</body></html>\n",
            include_str!("page.css")
        )
    }

    /// The page as Markdown, without its charts.
    pub fn markdown(&self) -> String {
        let mut text = format!("# {}\n", plain(&self.title));
        for part in &self.parts {
            let _ = match part {
                Part::Heading(title) => write!(text, "\n## {}\n", plain(title)),
                Part::Subheading(title) => write!(text, "\n### {}\n", plain(title)),
                Part::Text(words) | Part::Note(words) => write!(text, "\n{}\n", plain(words)),
                Part::Table(table) => write!(text, "\n{}", table.markdown()),
                Part::Charts(_) | Part::Html(_) => Ok(()),
            };
        }
        text
    }
}

fn html(part: &Part) -> String {
    match part {
        Part::Heading(title) => format!("<h2>{}</h2>", escape(title)),
        Part::Subheading(title) => format!("<h3>{}</h3>", escape(title)),
        Part::Text(words) => format!("<p>{}</p>", coded(words)),
        Part::Note(words) => format!("<p class=\"dim\">{}</p>", coded(words)),
        Part::Table(table) => table.html(),
        Part::Charts(charts) => charts.html(),
        Part::Html(html) => html.clone(),
    }
}

/// Escaped text in which words between backquotes are code, as in Markdown.
fn coded(words: &str) -> String {
    let part = |(at, part): (usize, &str)| match at % 2 {
        0 => escape(part),
        _ => format!("<code>{}</code>", escape(part)),
    };
    words.split('`').enumerate().map(part).collect()
}

impl Charts {
    fn html(&self) -> String {
        let charts: String =
            self.charts.iter().map(|svg| format!("<figure>{svg}</figure>")).collect();
        let key = |(at, name): (usize, &String)| {
            let class = series(at);
            let swatch = format!(
                "<svg class=\"key {class}\" viewBox=\"0 0 24 10\"><path class=\"line\" d=\"M1 5H23\"/>\
                 <circle class=\"dot\" cx=\"12\" cy=\"5\" r=\"3\"/></svg>"
            );
            format!("<li>{swatch}{}</li>", escape(name))
        };
        let legend: String = self.legend.iter().enumerate().map(key).collect();
        let legend = match legend.as_str() {
            "" => String::new(),
            _ => format!("<ul class=\"legend\">{legend}</ul>"),
        };
        format!("<div class=\"group\"><div class=\"charts\">{charts}</div>{legend}</div>")
    }
}

/// The classes of a series in the style sheet: ten colours, then the same with other dashes.
pub(crate) fn series(at: usize) -> String {
    let again = if at >= 10 { " again" } else { "" };
    format!("s{}{again}", at % 10)
}

/// Text that Markdown shows as it is, as far as it could begin a tag.
fn plain(text: &str) -> String {
    text.replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same_and_html_needs_no_other_file() {
        let mut page = Page::new("a & <b>");
        let mut table = Table::new().text("x");
        table.row(["1"]);
        let charts = Charts { charts: vec!["<svg></svg>".into()], legend: vec!["<i>".into()] };
        page.extend([
            Part::Heading("h".into()),
            Part::Subheading("s".into()),
            Part::Text("t <u> `c`".into()),
            Part::Table(table),
            Part::Charts(charts),
            Part::Html("<hr>".into()),
        ]);
        let html = page.html();
        for part in [
            "<h1>a &amp; &lt;b&gt;</h1>",
            "<h2>h</h2><h3>s</h3><p>t &lt;u&gt; <code>c</code></p>",
            "&lt;i&gt;</li>",
            "<hr></body>",
        ] {
            assert!(html.contains(part), "{part}");
        }
        for outside in ["http://", "https://", "src=", "@import", "url(", "<script"] {
            assert!(!html.contains(outside), "{outside}");
        }
        let text = page.markdown();
        assert_eq!(
            text,
            "# a & &lt;b>\n\n## h\n\n### s\n\nt &lt;u> `c`\n\n| x   |\n|-----|\n| 1   |\n"
        );
    }

    #[test]
    fn colours_come_again_with_other_dashes() {
        assert_eq!((&*series(9), &*series(13)), ("s9", "s3 again"));
    }
}

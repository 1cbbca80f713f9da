//! Rules for the text of single files.

use std::path::Path;

use crate::files;

/// Past this many lines a file says why.
const LONG: usize = 500;
/// A `SAFETY` comment stands at most this many lines above the code that it is for.
const SAFETY_REACH: usize = 8;
/// Files that may hold unsafe code say so in their name.
const UNSAFE_NAMES: [&str; 5] = ["unsafe", "simd", "avx512", "amx", "cuda"];
/// Folders that exist on one computer only. Split, so that this file does not find itself.
const MACHINE_PATHS: [&str; 4] =
    [concat!("/ho", "me/"), concat!("/wo", "rk/"), concat!("/Us", "ers/"), concat!("/ro", "ot/")];

pub(super) fn check(root: &Path, path: &Path, found: &mut Vec<String>) -> anyhow::Result<()> {
    let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    if !["rs", "md", "toml", "py", "cu", "sh", "yml"].contains(&extension)
        && !name.starts_with(".ci/")
    {
        return Ok(());
    }
    let text = files::read(path)?;
    let lines: Vec<&str> = text.lines().collect();
    let mut report = |line: usize, what: &str| found.push(format!("{name}:{line}: {what}"));
    words(&lines, &mut report);
    if extension == "rs" {
        rust(&name, &lines, &mut report);
    }
    Ok(())
}

fn words(lines: &[&str], report: &mut impl FnMut(usize, &str)) {
    for (at, line) in lines.iter().enumerate() {
        let unfinished = concat!("TO", "DO");
        if let Some((_, rest)) = line.split_once(unfinished)
            && !rest.trim_start_matches('(').starts_with('#')
        {
            report(
                at + 1,
                concat!("an unfinished thing needs an issue number, as in TO", "DO(#12)"),
            );
        }
        for path in MACHINE_PATHS {
            if line.contains(path) {
                report(at + 1, &format!("`{path}` is a folder of one computer"));
            }
        }
        if line.ends_with([' ', '\t']) {
            report(at + 1, "blanks at the end of the line");
        }
    }
}

fn rust(name: &str, lines: &[&str], report: &mut impl FnMut(usize, &str)) {
    if !lines
        .first()
        .is_some_and(|l| l.starts_with("//! ") || l.starts_with("#![doc = include_str!("))
    {
        report(1, "a file starts with `//!` and what it is for");
    }
    if lines.len() > LONG && !lines.iter().any(|line| line.starts_with("// Long because ")) {
        report(LONG, &format!("past {LONG} lines; split it, or say `// Long because ...`"));
    }
    let file = name.rsplit('/').next().unwrap_or(name);
    let may_be_unsafe = UNSAFE_NAMES.iter().any(|word| file.contains(word));
    for (at, line) in lines.iter().enumerate() {
        if !is_unsafe(line) {
            continue;
        }
        if !may_be_unsafe {
            report(at + 1, "unsafe code lives in a file whose name says so");
        }
        let above = &lines[at.saturating_sub(SAFETY_REACH)..=at];
        if !above.iter().any(|line| line.contains("SAFETY:")) {
            report(at + 1, "unsafe code needs a `// SAFETY:` comment just above");
        }
    }
}

/// Code that opens an unsafe block, function or implementation; not a comment, a lint or a string.
fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let code = code.split('"').step_by(2).collect::<String>();
    code.match_indices("unsafe ").any(|(at, word)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + word.len()..];
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
            && ["{", "fn ", "impl ", "extern "].iter().any(|next| after.starts_with(next))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(name: &str, text: &str) -> Vec<String> {
        let lines: Vec<&str> = text.lines().collect();
        let mut found = Vec::new();
        let mut report = |line: usize, what: &str| found.push(format!("{line}: {what}"));
        words(&lines, &mut report);
        rust(name, &lines, &mut report);
        found
    }

    #[test]
    fn good_file_has_no_finding() {
        let text =
            "//! Adds.\n// A note about unsafe { code }.\nfn f() { if not_unsafe { g() } }\n";
        assert_eq!(findings("src/add.rs", text), Vec::<String>::new());
    }

    #[test]
    fn unsafe_code_needs_a_name_and_a_reason() {
        let bare = "//! Adds.\nfn f() {\n    unsafe { g() }\n}\n";
        assert_eq!(findings("src/add.rs", bare).len(), 2);
        assert_eq!(findings("src/unsafe_add.rs", bare).len(), 1);
        let reasoned = bare.replace("    unsafe", "    // SAFETY: g has none.\n    unsafe");
        assert!(findings("src/add_simd.rs", &reasoned).is_empty());
    }

    #[test]
    fn other_rules_each_find_their_line() {
        assert!(findings("a.rs", "fn f() {}\n")[0].starts_with("1: a file starts"));
        let unfinished = concat!("//! A.\n// TO", "DO: more.\n");
        assert!(findings("a.rs", unfinished)[0].starts_with("2: "));
        let numbered = concat!("//! A.\n// TO", "DO(#7): more.\n");
        assert!(findings("a.rs", numbered).is_empty());
        let local = format!("//! A.\n// See {}me/x.\n", MACHINE_PATHS[0]);
        assert!(findings("a.rs", &local)[0].starts_with("2: "));
        let long = format!("//! A.\n{}", "fn f() {}\n".repeat(LONG));
        assert_eq!(findings("a.rs", &long).len(), 1);
        assert!(findings("a.rs", &format!("{long}// Long because it is a list.\n")).is_empty());
    }
}

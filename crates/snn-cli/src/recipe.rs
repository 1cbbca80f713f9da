//! `snn recipe`: what a recipe may say.

use snn_train::{Key, recipe_keys, recipe_reference};

use crate::output;

/// Prints every key of a recipe with its type, default, range and meaning
#[derive(clap::Args)]
pub(crate) struct Args {
    /// As a page of Markdown, which data/recipes/README.md is
    #[arg(long)]
    markdown: bool,
}

pub(crate) fn run(args: &Args) {
    if args.markdown {
        output::print(recipe_reference().trim_end());
        return;
    }
    let keys = recipe_keys();
    let widest = keys.iter().map(|key| key.name.len()).max().unwrap_or(0);
    for Key { name, kind, default, range, meaning } in keys {
        let default = match default.as_str() {
            "" | "required" => default,
            value => format!("default {value}"),
        };
        let about = [kind, range, default].into_iter().filter(|part| !part.is_empty());
        let about = about.collect::<Vec<_>>().join(", ").replace('`', "");
        output::print(&format!("{name:widest$}  {about}\n{:widest$}    {meaning}", ""));
    }
}

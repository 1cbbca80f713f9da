//! Licences of everything that a crate of ours is built of.

use anyhow::Context;

use crate::sh;

/// What everybody may build on and pass on, as SPDX names it. Another one is a decision: add it here with its reason.
const PERMISSIVE: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    // The list of the roots of trust that browsers ship: data, whose terms ask for nothing but a copy of them.
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Every package whose licence leaves no choice among these.
///
/// # Errors
/// When cargo cannot describe the workspace.
pub(super) fn check() -> anyhow::Result<Vec<String>> {
    let about = sh::metadata(&[])?;
    let packages = about["packages"].as_array().context("cargo lists no packages")?;
    let mut found = Vec::new();
    for package in packages {
        let name = package["name"].as_str().context("a package has no name")?;
        let licence = package["license"].as_str().unwrap_or_default();
        if !permits(licence) {
            let why = "not in the list of xtask/src/tidy/licences.rs";
            found.push(format!("{name}: its licence is `{licence}`: {why}"));
        }
    }
    Ok(found)
}

/// Whether an SPDX expression can be met by permissive licences alone. AND binds closer than OR; `/` is an old OR.
fn permits(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let mut tokens: Vec<String> = Vec::new();
    for word in expression.replace('(', " ( ").replace(')', " ) ").split_whitespace() {
        match tokens.last_mut() {
            // An exception belongs to the name before it.
            Some(last) if word == "WITH" || last.ends_with(" WITH") => *last += &format!(" {word}"),
            _ => tokens.push(word.into()),
        }
    }
    let mut rest = tokens.as_slice();
    !rest.is_empty() && any(&mut rest) == Some(true) && rest.is_empty()
}

fn any(rest: &mut &[String]) -> Option<bool> {
    let mut permitted = all(rest)?;
    while let Some((_, after)) = rest.split_first().filter(|(word, _)| *word == "OR") {
        *rest = after;
        permitted |= all(rest)?;
    }
    Some(permitted)
}

fn all(rest: &mut &[String]) -> Option<bool> {
    let mut permitted = one(rest)?;
    while let Some((_, after)) = rest.split_first().filter(|(word, _)| *word == "AND") {
        *rest = after;
        permitted &= one(rest)?;
    }
    Some(permitted)
}

fn one(rest: &mut &[String]) -> Option<bool> {
    let (word, after) = rest.split_first()?;
    *rest = after;
    if word != "(" {
        return Some(PERMISSIVE.contains(&word.as_str()));
    }
    let permitted = any(rest)?;
    let (close, after) = rest.split_first()?;
    *rest = after;
    (close == ")").then_some(permitted)
}

#[cfg(test)]
mod tests {
    use super::permits;

    #[test]
    fn a_choice_of_permissive_licences_passes() {
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
            "MIT OR Apache-2.0 OR LGPL-2.1-or-later",
            "(MIT OR GPL-3.0) AND Unicode-3.0",
            "GPL-2.0 OR ISC AND MIT",
        ] {
            assert!(permits(good), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR ISC) AND AGPL-3.0",
            "Apache-2.0 WITH Something-else",
            "MIT OR",
            "(MIT",
            "MIT ISC",
        ] {
            assert!(!permits(bad), "{bad}");
        }
    }
}

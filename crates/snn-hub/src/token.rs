//! The secret that says who asks: printed nowhere, and sent to the endpoint alone.

use std::fmt;

use crate::{Error, Result};

/// What stands in its place wherever a server's words hold it.
const HIDDEN: &str = "[token]";

/// A token of the Hub. It has no `Display`, and `Debug` hides it.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    /// The token in a text; `None` where there is none. `name` says where the text is from.
    pub(crate) fn read(name: &str, text: &str) -> Result<Option<Self>> {
        let text = text.trim();
        // The text itself stays out of the message.
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::setting(
                name,
                "holds no token: one word of plain ASCII; write it anew",
            ));
        }
        Ok((!text.is_empty()).then(|| Self(text.to_owned())))
    }

    /// The value of `Authorization`.
    pub(crate) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// A text without this token.
    pub(crate) fn hide(&self, text: &str) -> String {
        text.replace(&self.0, HIDDEN)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_hidden() {
        let token = Token::read("x", " hf_secret\n").unwrap().unwrap();
        assert_eq!(token.header(), "Bearer hf_secret");
        assert_eq!(format!("{token:?}"), HIDDEN);
        assert_eq!(token.hide("no hf_secret here"), "no [token] here");
        assert!(Token::read("x", " \n").unwrap().is_none());
        let error = Token::read("HF_TOKEN", "hf_secret hf_other").unwrap_err().to_string();
        assert!(error.starts_with("HF_TOKEN: ") && !error.contains("secret"), "{error}");
    }
}

//! What a run knows of its data: hashes of both sides' samples, and the way in which they were made.

use snn_data::Dataset;

use crate::hash;

/// What the hashes begin with that cover the contents of all files. Those of older versions have no such beginning: of a set
/// whose files are read when a sample is asked for they cover names and lengths.
const BY_CONTENT: &str = "v2:";

/// The hash of both sides, made in each of the two ways.
#[derive(Clone, Debug)]
pub(crate) struct DataHash {
    now: String,
    former: String,
}

impl DataHash {
    pub(crate) fn of(train: &Dataset, test: &Dataset) -> Self {
        let former = format!("{} {}", train.former_hash(), test.former_hash());
        let now = format!("{BY_CONTENT}{}:{}", train.hash(), test.hash());
        Self { now, former: hash::sha256(former.as_bytes()) }
    }

    /// The hash that a run which starts now is known by.
    pub(crate) fn now(&self) -> &str {
        &self.now
    }

    /// The hash made as `other` was: an older run goes on by what it knows.
    pub(crate) fn as_in(&self, other: &str) -> &str {
        if other.starts_with(BY_CONTENT) { &self.now } else { &self.former }
    }
}

/// Which samples differ between two hashes, in words; nothing where they are equal, or not made in one way.
pub(crate) fn difference(was: &str, is: &str) -> Option<&'static str> {
    let sides = |hash| str::strip_prefix(hash, BY_CONTENT)?.split_once(':');
    let ((train, test), (other_train, other_test)) = (sides(was)?, sides(is)?);
    match (train == other_train, test == other_test) {
        (true, true) => None,
        (false, true) => Some("other training samples"),
        (true, false) => Some("other test samples"),
        (false, false) => Some("other training and test samples"),
    }
}

/// What an evaluation has to say of its data: whether the test samples are others than those of the hash in a checkpoint's
/// card. Cards of older versions do not tell, and then there is nothing to say.
pub fn other_test_data(card: &str, train: &Dataset, test: &Dataset) -> bool {
    difference(card, DataHash::of(train, test).now()).is_some_and(|which| which.contains("test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_one_way_alone_are_compared() {
        assert_eq!(difference("v2:a:b", "v2:a:b"), None);
        assert_eq!(difference("v2:a:b", "v2:a:c"), Some("other test samples"));
        assert_eq!(difference("v2:a:b", "v2:d:b"), Some("other training samples"));
        assert_eq!(difference("v2:a:b", "v2:d:c"), Some("other training and test samples"));
        assert_eq!(difference("0123", "v2:a:b"), None);
        let hash = DataHash { now: "v2:a:b".into(), former: "0123".into() };
        assert_eq!((hash.as_in("v2:x:y"), hash.as_in("4567")), ("v2:a:b", "0123"));
    }
}

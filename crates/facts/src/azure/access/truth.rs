use crate::read::Why;

/// An answer of three values: what is not known carries the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Truth {
    Yes,
    No,
    Unknown(Why),
}

impl Truth {
    pub(crate) fn of(is_so: bool) -> Self {
        if is_so { Self::Yes } else { Self::No }
    }

    /// Yes unless something stands in the way.
    pub(crate) fn unless(doubt: Option<Why>, is_so: bool) -> Self {
        doubt.map_or_else(|| Self::of(is_so), Self::Unknown)
    }

    pub(crate) fn from_read(answer: Result<bool, Why>) -> Self {
        answer.map_or_else(Self::Unknown, Self::of)
    }

    pub(crate) fn is_yes(&self) -> bool {
        *self == Self::Yes
    }

    pub(crate) fn is_no(&self) -> bool {
        *self == Self::No
    }

    pub(crate) fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::No => Self::No,
            Self::Yes => other(),
            Self::Unknown(why) => match other() {
                Self::No => Self::No,
                Self::Yes | Self::Unknown(_) => Self::Unknown(why),
            },
        }
    }

    pub(crate) fn or(self, other: impl FnOnce() -> Self) -> Self {
        !(!self).and(|| !other())
    }
}

impl std::ops::Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown(why) => Self::Unknown(why),
        }
    }
}

/// Whether one of them is so.
pub(crate) fn any(answers: impl IntoIterator<Item = Truth>) -> Truth {
    let mut doubt = None;
    for answer in answers {
        match answer {
            Truth::Yes => return Truth::Yes,
            Truth::No => {}
            Truth::Unknown(why) => doubt = doubt.or(Some(why)),
        }
    }
    doubt.map_or(Truth::No, Truth::Unknown)
}

/// Whether all of them are so.
pub(crate) fn all(answers: impl IntoIterator<Item = Truth>) -> Truth {
    !any(answers.into_iter().map(|answer| !answer))
}

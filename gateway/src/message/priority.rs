//! How soon a message leaves, compared with others that wait.

use serde::{Deserialize, Serialize};

/// What is more urgent comes first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Somebody waits for it: a code, the answer to what they wrote.
    High,
    #[default]
    Normal,
    /// It may take its time.
    Bulk,
}

impl Priority {
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Bulk];

    /// As it is kept: the lower, the sooner.
    pub fn number(self) -> i32 {
        match self {
            Self::High => 0,
            Self::Normal => 1,
            Self::Bulk => 2,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Bulk => "bulk",
        }
    }

    /// What is not known is like most.
    pub fn from_number(number: i32) -> Self {
        Self::ALL.into_iter().find(|priority| priority.number() == number).unwrap_or_default()
    }
}

impl std::str::FromStr for Priority {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "high" => Ok(Self::High),
            "normal" => Ok(Self::Normal),
            "bulk" => Ok(Self::Bulk),
            other => Err(format!("`{other}` is no priority; there are: high, normal, bulk")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_is_its_number_and_its_word() {
        for priority in Priority::ALL {
            assert_eq!(Priority::from_number(priority.number()), priority);
            let word = serde_json::to_value(priority).unwrap();
            assert_eq!(word, priority.as_str());
            assert_eq!(priority.as_str().parse(), Ok(priority));
        }
        assert_eq!(Priority::from_number(7), Priority::Normal);
        assert!(Priority::High < Priority::Normal && Priority::Normal < Priority::Bulk);
        assert!("urgent".parse::<Priority>().unwrap_err().contains("high, normal, bulk"));
    }
}

//! What becomes of conversations by rule, as the store goes by it.

use jiff::SignedDuration;

use super::Store;

/// What an operator said of conversations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConversationRules {
    /// A text opens the last conversation with its sender again if that was closed less than so long ago; none: never.
    pub reopen_within: Option<SignedDuration>,
    /// Who looks after one that gets a tag, by tag, taking turns; the first that fits.
    pub assign: Vec<(String, Vec<String>)>,
}

impl ConversationRules {
    /// Who may look after a conversation that nobody looks after, now that it has got tags.
    pub(super) fn assignees(&self, before: &[String], after: &[String]) -> Option<&[String]> {
        let fits = |tag: &String| after.contains(tag) && !before.contains(tag);
        self.assign.iter().find(|(tag, _)| fits(tag)).map(|(_, to)| to.as_slice())
    }
}

impl Store {
    /// What becomes of conversations by rule from now on. Only the first call counts.
    pub fn handle_by(&self, rules: ConversationRules) {
        self.reporting.handle_by(rules);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_a_new_tag_counts() {
        let pair = |tag: &str, to: &str| (tag.to_owned(), vec![to.to_owned()]);
        let assign = vec![pair("ventas", "ana"), pair("quejas", "eva"), pair("ventas", "luis")];
        let rules = ConversationRules { assign, ..ConversationRules::default() };
        let tags = |all: &[&str]| all.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
        let of = |before: &[&str], after: &[&str]| rules.assignees(&tags(before), &tags(after)).map(|to| to[0].clone());
        assert_eq!(of(&[], &["x", "quejas", "ventas"]).as_deref(), Some("ana"));
        assert_eq!(of(&["ventas"], &["ventas", "quejas"]).as_deref(), Some("eva"), "only what is new");
        assert_eq!(of(&["ventas"], &["ventas"]), None);
        assert_eq!(of(&[], &["Ventas"]), None);
    }
}

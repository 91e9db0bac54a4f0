//! What plugins ask for, and the plan it comes to.
//!
//! Pure: actions in, plan out. Plugins ask; the flow that holds the plan does it, in one
//! transaction. Nothing here sends, stores or knows what a component is.

use serde::Serialize;

use crate::message::{ConversationStatus, MAX_MEDIA};

/// What a plugin asks for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    Reply {
        text: String,
        media: Vec<String>,
    },
    Tag {
        tag: String,
    },
    Untag {
        tag: String,
    },
    SetStatus {
        status: ConversationStatus,
    },
    /// Recorded in the trace and nothing more.
    Custom {
        name: String,
        json: String,
    },
}

/// Whether the next plugin of the chain is asked, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Flow {
    Proceed,
    Stop,
}

/// All that one plugin said to one message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decision {
    pub actions: Vec<Action>,
    pub flow: Flow,
}

/// A reply that will be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedReply {
    pub plugin: String,
    pub text: String,
    pub media: Vec<String>,
}

/// What the actions come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The conversation's new status, when it changes.
    pub status: Option<ConversationStatus>,
    /// The conversation's tags, when they change.
    pub tags: Option<Vec<String>>,
    pub replies: Vec<PlannedReply>,
}

/// Twilio refuses more replies to one message than this (its error 14109).
const MAX_REPLIES: usize = 10;
/// Ten provider requests of Twilio's length; more to one message is a plugin that has gone wild.
const MAX_REPLY_CHARACTERS: usize = 16_000;
const MAX_TAGS: usize = 50;
const MAX_TAG_CHARACTERS: usize = 64;

/// Grows a plan, one plugin's decision after the other.
#[derive(Clone, Debug)]
pub struct Planner {
    before: Vec<String>,
    tags: Vec<String>,
    plan: Plan,
}

impl Planner {
    /// For a conversation that has these tags.
    pub fn new(tags: Vec<String>) -> Self {
        Self { before: tags.clone(), tags, plan: Plan::default() }
    }

    /// The tags as the next plugin of the chain sees them.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// Takes one plugin's actions into the plan. Gives the reason for each that is left out.
    pub fn add(&mut self, plugin: &str, actions: &[Action]) -> Vec<String> {
        actions.iter().filter_map(|action| self.add_one(plugin, action).err()).collect()
    }

    fn add_one(&mut self, plugin: &str, action: &Action) -> Result<(), String> {
        match action {
            Action::Reply { text, media } => self.reply(plugin, text, media),
            Action::Tag { tag } => self.tag(tag),
            Action::Untag { tag } => {
                self.tags.retain(|known| known != tag);
                Ok(())
            }
            Action::SetStatus { status } => {
                self.plan.status = Some(*status);
                Ok(())
            }
            Action::Custom { .. } => Ok(()),
        }
    }

    fn reply(&mut self, plugin: &str, text: &str, media: &[String]) -> Result<(), String> {
        if text.trim().is_empty() && media.is_empty() {
            return Err("a reply without text and media was left out".to_owned());
        }
        let characters = text.chars().count();
        if characters > MAX_REPLY_CHARACTERS {
            return Err(format!("a reply of {characters} characters was left out: {MAX_REPLY_CHARACTERS} at the most"));
        }
        if media.len() > MAX_MEDIA {
            return Err(format!("a reply with {} media was left out: {MAX_MEDIA} at the most", media.len()));
        }
        if self.plan.replies.len() == MAX_REPLIES {
            return Err(format!("a reply was left out: {MAX_REPLIES} to one message at the most"));
        }
        let reply = PlannedReply { plugin: plugin.to_owned(), text: text.to_owned(), media: media.to_vec() };
        self.plan.replies.push(reply);
        Ok(())
    }

    fn tag(&mut self, tag: &str) -> Result<(), String> {
        let tag = tag.trim();
        if tag.is_empty() || tag.chars().count() > MAX_TAG_CHARACTERS {
            return Err(format!("a tag was left out: it must have 1 to {MAX_TAG_CHARACTERS} characters"));
        }
        if self.tags.iter().any(|known| known == tag) {
            return Ok(());
        }
        if self.tags.len() == MAX_TAGS {
            return Err(format!("a tag was left out: a conversation has {MAX_TAGS} at the most"));
        }
        self.tags.push(tag.to_owned());
        Ok(())
    }

    pub fn finish(mut self) -> Plan {
        if self.tags != self.before {
            self.plan.tags = Some(self.tags);
        }
        self.plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str) -> Action {
        Action::Reply { text: text.to_owned(), media: Vec::new() }
    }

    fn tag(tag: &str) -> Action {
        Action::Tag { tag: tag.to_owned() }
    }

    #[test]
    fn actions_come_to_one_plan() {
        let mut planner = Planner::new(vec!["old".to_owned()]);
        assert!(planner.add("a", &[tag("new"), tag("new"), reply("hola")]).is_empty());
        assert_eq!(planner.tags(), ["old", "new"]);
        let untag = Action::Untag { tag: "old".to_owned() };
        let close = Action::SetStatus { status: ConversationStatus::Closed };
        assert!(planner.add("b", &[untag, close, reply("adiós")]).is_empty());
        let plan = planner.finish();
        assert_eq!(plan.tags, Some(vec!["new".to_owned()]));
        assert_eq!(plan.status, Some(ConversationStatus::Closed));
        let said: Vec<_> = plan.replies.iter().map(|r| (r.plugin.as_str(), r.text.as_str())).collect();
        assert_eq!(said, [("a", "hola"), ("b", "adiós")]);
    }

    #[test]
    fn tags_that_end_as_they_began_are_no_change() {
        let mut planner = Planner::new(vec!["x".to_owned()]);
        planner.add("a", &[tag("y"), Action::Untag { tag: "y".to_owned() }]);
        assert_eq!(planner.finish(), Plan::default());
    }

    #[test]
    fn what_is_left_out_is_said() {
        let many: Vec<Action> = (0..12).map(|n| reply(&n.to_string())).collect();
        let mut planner = Planner::new(Vec::new());
        assert_eq!(planner.add("a", &many).len(), 2);
        let odd = [reply("  "), reply(&"x".repeat(16_001)), tag(""), tag(&"x".repeat(65))];
        assert_eq!(planner.add("a", &odd).len(), 4);
        let crowded = Action::Reply { text: String::new(), media: vec!["https://example.mx/a.png".to_owned(); 11] };
        assert_eq!(planner.add("a", &[crowded]).len(), 1);
        let tags: Vec<Action> = (0..51).map(|n| tag(&n.to_string())).collect();
        assert_eq!(planner.add("a", &tags).len(), 1);
        let plan = planner.finish();
        assert_eq!((plan.replies.len(), plan.tags.map(|tags| tags.len())), (10, Some(50)));
    }
}

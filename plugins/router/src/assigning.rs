//! Who looks after a conversation.

use recado_sdk::Conversation;
use recado_sdk::state::{self, Scope};

use crate::config::Assign;

impl Assign {
    /// Whom to give the conversation to; nobody, if it stays with whom it is.
    ///
    /// Somebody of the list who has the conversation already keeps it: turns are taken conversation by
    /// conversation, not message by message.
    pub(crate) fn choose(&self, conversation: &Conversation) -> Result<Option<&str>, state::Failure> {
        let listed = |name: &str| self.to.iter().find(|known| *known == name).map(String::as_str);
        if self.to.is_empty() || conversation.assignee.as_deref().and_then(listed).is_some() {
            return Ok(None);
        }
        let key = format!("assigned {}", self.list());
        if self.sticky {
            let before = state::get(Scope::Contact, &key)?;
            if let Some(name) = before.as_deref().and_then(listed) {
                return Ok(Some(name));
            }
        }
        let name = self.next()?;
        if let (true, Some(name)) = (self.sticky, name) {
            state::set(Scope::Contact, &key, name)?;
        }
        Ok(name)
    }

    /// Whose turn it is. Two conversations that come at the same moment may get the same.
    fn next(&self) -> Result<Option<&str>, state::Failure> {
        if let [only] = self.to.as_slice() {
            return Ok(Some(only));
        }
        let turn = state::add(Scope::Global, &format!("turn {}", self.list()), 1.0)?;
        let length = f64::from(u32::try_from(self.to.len()).unwrap_or(u32::MAX));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number from 0 up to, but without, the length"
        )]
        let index = (turn - 1.0).rem_euclid(length) as usize;
        Ok(self.to.get(index).map(String::as_str))
    }

    /// A short name for the list, so that routes with the same list share their turns: FNV-1a.
    fn list(&self) -> String {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for byte in self.to.iter().flat_map(|name| name.bytes().chain([b'\n'])) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        format!("{hash:016x}")
    }
}

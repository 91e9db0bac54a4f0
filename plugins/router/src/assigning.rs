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

    /// Whose turn it is. The number is read and written, not added to: of conversations that come at the
    /// same moment, all but the first to be committed are decided again, so that each gets a turn of its own.
    fn next(&self) -> Result<Option<&str>, state::Failure> {
        if let [only] = self.to.as_slice() {
            return Ok(Some(only));
        }
        let key = format!("turn {}", self.list());
        let taken = state::get(Scope::Global, &key)?.and_then(|taken| taken.parse::<u32>().ok()).unwrap_or(0);
        state::set(Scope::Global, &key, &taken.wrapping_add(1).to_string())?;
        let index = usize::try_from(taken).ok().and_then(|taken| taken.checked_rem(self.to.len()));
        Ok(index.and_then(|index| self.to.get(index)).map(String::as_str))
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

#[cfg(test)]
mod tests {
    use recado_sdk::testing::{Host, conversation};

    use super::*;

    /// What an earlier version counted goes on, and what makes no sense begins anew.
    #[test]
    fn turns_go_on_from_the_number_that_is_remembered() {
        let to = ["ana", "luis", "eva"].map(str::to_owned).to_vec();
        let assign = Assign { to, sticky: false };
        let key = format!("turn {}", assign.list());
        for (remembered, name, next) in [("4", "luis", "5"), ("-1", "ana", "1"), ("4294967295", "ana", "0")] {
            let mut host = Host::new();
            host.run(|| state::set(Scope::Global, &key, remembered)).unwrap();
            assert_eq!(host.run(|| assign.choose(&conversation())), Ok(Some(name)), "{remembered}");
            assert_eq!(host.remembered(Scope::Global, &key).as_deref(), Some(next));
        }
    }
}

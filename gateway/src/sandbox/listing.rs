//! Which entries a list request means, and which page of them. Pure.

use form_urlencoded::Serializer;
use serde_json::{Value, json};

use super::create::value;
use super::errors::Refusal;

const DEFAULT_PAGE: usize = 50;
const MAX_PAGE: usize = 1000;

/// Something that the API lists.
pub(super) trait Entry {
    /// Under which name a page has its entries.
    const KEY: &'static str;
    /// The parameters that leave some out.
    const FILTERS: &'static [&'static str];

    fn sid(&self) -> &str;

    /// Whether a filter leaves this one in.
    fn meets(&self, filter: &str, value: &str) -> bool;
}

/// A list request.
#[derive(Debug)]
pub(super) struct Listing {
    query: Vec<(String, String)>,
    size: usize,
    page: usize,
    /// Which entry the page stands beside, and on which side.
    beside: Option<Beside>,
}

#[derive(Clone, Debug)]
enum Beside {
    After(String),
    Before(String),
}

impl Listing {
    pub(super) fn read(query: Option<&str>) -> Result<Self, Refusal> {
        let query: Vec<_> = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
        let number = |name: &str| value(&query, name).and_then(|value| value.parse::<usize>().ok());
        let size = number("PageSize").unwrap_or(DEFAULT_PAGE);
        if size > MAX_PAGE {
            return Err(Refusal::invalid(20007, format!("Page size must be at most {MAX_PAGE}")));
        }
        let beside = value(&query, "PageToken").map(Beside::read).transpose()?;
        Ok(Self { size: size.max(1), page: number("Page").unwrap_or(0), beside, query })
    }

    /// The page of these entries.
    pub(super) fn page<T: Entry>(
        &self,
        entries: &[T],
        path: &str,
        resource: impl Fn(&T) -> Value,
    ) -> Result<Value, Refusal> {
        let (begin, over) = self.begins(entries)?;
        let rest = entries.get(begin..).unwrap_or_default();
        let matching = rest.iter().filter(|entry| self.leaves_in(*entry)).skip(over);
        let mut shown: Vec<&T> = matching.take(self.size.saturating_add(1)).collect();
        let goes_on = shown.len() > self.size;
        shown.truncate(self.size);
        let uri = |page: usize, beside: Option<&Beside>| self.uri::<T>(path, page, beside);
        let next = shown.last().filter(|_| goes_on);
        let next = next.map(|last| uri(self.page.saturating_add(1), Some(&Beside::After(last.sid().to_owned()))));
        let previous = self.page.checked_sub(1).map(|page| {
            let before = shown.first().filter(|_| page > 0).map(|first| Beside::Before(first.sid().to_owned()));
            uri(page, before.as_ref())
        });
        let start = self.page.saturating_mul(self.size);
        Ok(json!({
            "end": (start + shown.len()).saturating_sub(1),
            "first_page_uri": uri(0, None),
            (T::KEY): shown.iter().map(|entry| resource(entry)).collect::<Vec<_>>(),
            "next_page_uri": next,
            "page": self.page,
            "page_size": self.size,
            "previous_page_uri": previous,
            "start": start,
            "uri": uri(self.page, self.beside.as_ref()),
        }))
    }

    /// With which of all entries the page begins, and how many of the matching ones there are over. What stands behind
    /// the page is not looked at: a long list is gone through page by page.
    fn begins<T: Entry>(&self, entries: &[T]) -> Result<(usize, usize), Refusal> {
        // Counting from an entry that was seen, a page stays right when new ones come in.
        let find = |sid: &str| {
            let place = entries.iter().position(|entry| entry.sid() == sid);
            place.filter(|place| entries.get(*place).is_some_and(|entry| self.leaves_in(entry))).ok_or_else(bad_token)
        };
        Ok(match &self.beside {
            None => (0, self.page.saturating_mul(self.size)),
            Some(Beside::After(sid)) => (find(sid)? + 1, 0),
            Some(Beside::Before(sid)) => {
                let before = entries.iter().enumerate().take(find(sid)?).rev();
                let matching = before.filter(|(_, entry)| self.leaves_in(*entry)).take(self.size);
                (matching.last().map_or(0, |(place, _)| place), 0)
            }
        })
    }

    fn leaves_in<T: Entry>(&self, entry: &T) -> bool {
        self.filters::<T>().all(|(name, value)| entry.meets(name, value))
    }

    fn filters<T: Entry>(&self) -> impl Iterator<Item = (&str, &str)> {
        let given = self.query.iter().filter(|(name, value)| T::FILTERS.contains(&name.as_str()) && !value.is_empty());
        given.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn uri<T: Entry>(&self, path: &str, page: usize, beside: Option<&Beside>) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(self.filters::<T>());
        query.append_pair("PageSize", &self.size.to_string()).append_pair("Page", &page.to_string());
        if let Some(beside) = beside {
            query.append_pair("PageToken", &beside.token());
        }
        format!("{path}?{}", query.finish())
    }
}

impl Beside {
    fn read(token: &str) -> Result<Self, Refusal> {
        let after = token.strip_prefix("PA").map(|sid| Self::After(sid.to_owned()));
        let before = || token.strip_prefix("PB").map(|sid| Self::Before(sid.to_owned()));
        after.or_else(before).ok_or_else(bad_token)
    }

    fn token(&self) -> String {
        match self {
            Self::After(sid) => format!("PA{sid}"),
            Self::Before(sid) => format!("PB{sid}"),
        }
    }
}

fn bad_token() -> Refusal {
    Refusal::invalid(21481, "Invalid page token")
}

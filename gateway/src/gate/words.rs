//! The words by which people say that they want no more messages, want them again, or want help.
//!
//! A word counts only as the whole text: "no quiero parar" says something else. Case, accents, and what stands
//! around it do not matter.

use std::collections::BTreeMap;

use super::settings::{ByLanguage, OwnWords};
use crate::message::consent::{Keyword, Source};
use crate::message::{Consent, Locale};

/// In English those that Twilio and the law of the US know; in Spanish those that are usual in Mexico.
const BUILT_IN: [(Locale, Keyword, &[&str]); 6] = [
    (
        Locale::En,
        Keyword::OptOut,
        &["stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt out"],
    ),
    (Locale::En, Keyword::OptIn, &["start", "yes", "unstop"]),
    (Locale::En, Keyword::Help, &["help", "info"]),
    (Locale::Es, Keyword::OptOut, &["alto", "parar", "baja", "cancelar", "detener"]),
    (Locale::Es, Keyword::OptIn, &["iniciar"]),
    (Locale::Es, Keyword::Help, &["ayuda", "info"]),
];

/// A longer text, in bytes, is no word.
pub(super) const LONGEST: usize = 200;

/// Words in the form in which they are compared.
#[derive(Clone, Debug)]
pub(super) struct Words(BTreeMap<String, Vec<(Keyword, Locale)>>);

impl Words {
    pub(super) fn new(own: &ByLanguage<OwnWords>) -> Self {
        let mut words: BTreeMap<String, Vec<(Keyword, Locale)>> = BTreeMap::new();
        let built_in = BUILT_IN
            .iter()
            .flat_map(|(locale, keyword, words)| words.iter().map(move |word| (*locale, *keyword, (*word).to_owned())));
        for (locale, keyword, word) in built_in.chain(own_words(own)) {
            let meanings = words.entry(plain(&word)).or_default();
            if !meanings.contains(&(keyword, locale)) {
                meanings.push((keyword, locale));
            }
        }
        words.remove("");
        Self(words)
    }

    /// What a text says, and in which language; of several, in the preferred one.
    pub(super) fn read(&self, text: &str, preferred: Locale) -> Option<(Keyword, Locale)> {
        if text.len() > LONGEST {
            return None;
        }
        let meanings = self.0.get(&plain(text))?;
        // A bot's command is the same in all languages.
        if text.trim_start().starts_with('/') {
            return meanings.first().map(|(keyword, _)| (*keyword, preferred));
        }
        meanings.iter().find(|(_, locale)| *locale == preferred).or_else(|| meanings.first()).copied()
    }
}

/// The operator's own words.
fn own_words(own: &ByLanguage<OwnWords>) -> impl Iterator<Item = (Locale, Keyword, String)> {
    [Locale::Es, Locale::En].into_iter().flat_map(|locale| {
        own.of(locale).lists().into_iter().flat_map(move |(_, keyword, words)| {
            words.iter().map(move |word| (locale, keyword, word.clone())).collect::<Vec<_>>()
        })
    })
}

/// What is wrong with the operator's own words: the key, and why.
pub(super) fn check(own: &ByLanguage<OwnWords>) -> Result<(), (String, String)> {
    let mut meanings: BTreeMap<String, Keyword> = BTreeMap::new();
    for (_, keyword, words) in BUILT_IN {
        meanings.extend(words.iter().map(|word| (plain(word), keyword)));
    }
    for locale in [Locale::Es, Locale::En] {
        for (name, keyword, words) in own.of(locale).lists() {
            let key = || format!("words.{locale}.{name}");
            for word in words {
                let plain = plain(word);
                if plain.is_empty() || word.len() > LONGEST {
                    return Err((key(), format!("`{word}` is no word: it needs a letter or a digit")));
                }
                match meanings.insert(plain, keyword) {
                    Some(other) if other != keyword => {
                        let problem = format!("`{word}` means `{}` already, and can't mean both", other.as_str());
                        return Err((key(), problem));
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

/// What somebody allows by a word of theirs.
pub(super) fn consent(keyword: Keyword) -> Option<Consent> {
    keyword.choice().map(|choice| Consent { choice, source: Source::Message, code: None })
}

/// The form in which words are compared: small letters without accents, one space between them, and nothing
/// around them that is neither a letter nor a digit.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for sign in text.chars().flat_map(char::to_lowercase) {
        if sign.is_whitespace() {
            if !plain.ends_with(' ') {
                plain.push(' ');
            }
        } else if !is_mark(sign) {
            plain.push(without_accent(sign));
        }
    }
    plain.trim_matches(|sign: char| !sign.is_alphanumeric()).to_owned()
}

/// Accents that are written on their own, and joiners.
const fn is_mark(sign: char) -> bool {
    matches!(sign, '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

const fn without_accent(letter: char) -> char {
    match letter {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => 'e',
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' => 'i',
        'ñ' | 'ń' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => 'o',
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' => 'u',
        'ý' | 'ÿ' => 'y',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words() -> Words {
        Words::new(&ByLanguage::default())
    }

    #[test]
    fn a_word_counts_only_as_the_whole_text() {
        use Keyword::{Help, OptIn, OptOut};
        use Locale::{En, Es};
        let cases = [
            ("STOP", Some((OptOut, En))),
            (" stop. ", Some((OptOut, En))),
            ("Stop All", Some((OptOut, En))),
            ("stop\n  all!", Some((OptOut, En))),
            ("OPT OUT", Some((OptOut, En))),
            ("ALTO", Some((OptOut, Es))),
            ("¡Alto!", Some((OptOut, Es))),
            ("«bája»", Some((OptOut, Es))),
            ("ba\u{301}ja", Some((OptOut, Es))),
            ("parar 🛑", Some((OptOut, Es))),
            ("/detener", Some((OptOut, Es))),
            ("CANCELAR…", Some((OptOut, Es))),
            ("Iniciar", Some((OptIn, Es))),
            ("start", Some((OptIn, En))),
            ("/start", Some((OptIn, Es))),
            ("AYUDA?", Some((Help, Es))),
            ("help", Some((Help, En))),
            ("info", Some((Help, Es))),
            ("no quiero parar", None),
            ("parar no quiero", None),
            ("please stop", None),
            ("stop it", None),
            ("altos", None),
            ("al to", None),
            ("S T O P", None),
            ("stop-all", None),
            ("dame de baja", None),
            ("", None),
            (" \n", None),
            ("¿?", None),
            ("🛑", None),
        ];
        for (text, expected) in cases {
            assert_eq!(words().read(text, Es), expected, "{text:?}");
        }
        assert_eq!(words().read("info", En), Some((Help, En)));
    }

    #[test]
    fn the_operator_may_add_words_and_none_may_mean_two_things() {
        let own = |opt_out: &[&str], opt_in: &[&str]| {
            let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
            let es = OwnWords { opt_out: list(opt_out), opt_in: list(opt_in), help: Vec::new() };
            ByLanguage { es, en: OwnWords::default() }
        };
        let added = own(&["Dar de baja", "basta"], &["alta"]);
        assert_eq!(check(&added), Ok(()));
        let words = Words::new(&added);
        for (text, keyword) in
            [("dar  de BAJA", Keyword::OptOut), ("¡Basta!", Keyword::OptOut), ("ALTA", Keyword::OptIn)]
        {
            assert_eq!(words.read(text, Locale::En), Some((keyword, Locale::Es)), "{text}");
        }
        for (opt_out, opt_in, key) in [
            (&["¡!"][..], &[][..], "words.es.opt_out"),
            (&[], &["alto"], "words.es.opt_in"),
            (&["si"], &["SÍ"], "words.es.opt_in"),
        ] {
            let (found, problem) = check(&own(opt_out, opt_in)).unwrap_err();
            assert_eq!(found, key, "{problem}");
        }
    }

    proptest! {
        #[test]
        fn what_stands_around_a_word_does_not_matter(
            before in "[ \\t.,;:!?¡¿*_()«»\"'-]{0,6}",
            after in "[ \\n.,;:!?*_…()«»\"'-]{0,6}",
            upper in any::<bool>(),
        ) {
            for (locale, keyword, list) in BUILT_IN {
                for word in list {
                    let word = if upper { word.to_uppercase() } else { (*word).to_owned() };
                    prop_assert_eq!(words().read(&format!("{before}{word}{after}"), locale), Some((keyword, locale)));
                }
            }
        }

        #[test]
        fn a_word_among_others_says_nothing(other in "[a-zñáé]{2,12}", first in any::<bool>()) {
            prop_assume!(other != "all" && other != "stop" && other != "opt" && other != "out");
            for (locale, _, list) in BUILT_IN {
                for word in list {
                    let text = if first { format!("{word} {other}") } else { format!("{other} {word}") };
                    prop_assert_eq!(words().read(&text, locale), None, "{}", text);
                }
            }
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            words().read(&text, Locale::Es);
        }
    }
}

//! Twilio's smart encoding: which characters it replaces by likenesses that GSM-7 has.
//!
//! Pure figures too: what a text becomes when Twilio is set to do so. Must not know of channels or
//! settings. One curly quote makes a whole text UCS-2 and more than doubles what it costs.

use super::gsm;

/// How far the full-width forms of ASCII are from ASCII itself.
const FULL_WIDTH: u32 = 0xfee0;

/// What is written instead, and of which characters; but for the full-width forms.
const LIKENESSES: [(&str, &str); 63] = [
    ("", "\0\u{3}\u{4}\u{10}\u{11}\u{12}\u{13}\u{14}\u{17}\u{19}\u{200b}\u{200c}\u{2060}\u{feff}"),
    (" ", "\u{2001}\u{2028}\u{2029}"),
    ("  ", "\u{80}\u{8d}\u{90}\u{9b}\u{9f}\u{a0}\u{2000}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}"),
    ("  ", "\u{2008}\u{2009}\u{200a}\u{202f}\u{205f}\u{3000}"),
    ("       ", "\t"),
    ("\"", "«»ʺˮ“”„‟❝❞〝〞"),
    ("'", "`´ʹʻʼʽˈˊˋ\u{313}\u{314}‘’‛❛❜︐︑"),
    ("/", "÷\u{337}\u{338}⁄∕⧸"),
    ("1/4", "¼"),
    ("1/2", "½"),
    ("3/4", "¾"),
    ("\\", "\u{20e5}⧵⧹﹨"),
    ("_", "\u{332}‗"),
    ("|", "\u{20d2}\u{20d3}∣⎜⎟⎸⎹⏐"),
    ("-", "‐–—―•⁃⎼⎽﹣"),
    ("@", "﹫"),
    ("$", "﹩"),
    ("!", "ǃ︕﹗"),
    ("!!", "‼"),
    ("#", "﹟"),
    ("%", "﹪"),
    ("&", "﹠"),
    (",", "\u{326}‚、﹐﹑､"),
    ("(", "❨❪⟮⦅﹙"),
    (")", "❩❫⟯⦆﹚"),
    ("*", "⁎∗⊛✢✣✤✥✱✲✳✺✻✼✽❃❉❊❋⧆﹡"),
    ("+", "˖﹢"),
    (".", "。﹒｡"),
    ("...", "…"),
    (":", "ː˸⦂꞉︓"),
    (";", "⁏︔﹔"),
    ("<", "›﹤"),
    ("=", "\u{347}꞊﹦"),
    (">", "‹﹥"),
    ("?", "︖﹖"),
    ("^", "ˆ\u{302}\u{1dcd}"),
    ("{", "❴﹛"),
    ("}", "❵﹜"),
    ("~", "˜˷\u{303}\u{330}\u{334}∼"),
    ("A", "ᴀ"),
    ("B", "ʙ"),
    ("C", "ᴄ"),
    ("D", "ᴅ"),
    ("E", "ᴇ"),
    ("F", "ꜰ"),
    ("G", "ɢ"),
    ("H", "ʜ"),
    ("I", "ɪ"),
    ("J", "ᴊ"),
    ("K", "ᴋ"),
    ("L", "ʟ"),
    ("M", "ᴍ"),
    ("N", "ɴ"),
    ("O", "ᴏ"),
    ("P", "ᴘ"),
    ("R", "ʀ"),
    ("S", "ꜱ"),
    ("T", "ᴛ"),
    ("U", "ᴜ"),
    ("V", "ᴠ"),
    ("W", "ᴡ"),
    ("Y", "ʏ"),
    ("Z", "ᴢ"),
];

/// What other editions of Twilio's calculator write for some characters; that of the published list, which
/// goes by this module, has the two angles the wrong way round.
const OTHERWISE: [&[(char, &str)]; 3] =
    [&[('‗', "'")], &[('‹', "<"), ('›', ">")], &[('‗', "'"), ('‹', "<"), ('›', ">")]];

/// The text that goes out when smart encoding is on. Each character is taken by itself, whatever
/// stands beside it; emoji, other scripts and all else that has no likeness stay, and with them
/// the text stays UCS-2.
pub fn smart(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for character in text.chars() {
        match likeness(character) {
            Some(likeness) => encoded.push_str(likeness),
            None => encoded.push(full_width(character).unwrap_or(character)),
        }
    }
    encoded
}

/// What may go out when smart encoding is on, whichever edition of the list Twilio goes by; the published one
/// first, and the same text perhaps more than once.
pub fn smart_editions(text: &str) -> impl Iterator<Item = String> {
    let others = OTHERWISE.iter().filter_map(move |characters| {
        let concerned = characters.iter().any(|(character, _)| text.contains(*character));
        let replaced = || characters.iter().fold(text.to_owned(), |text, (from, to)| text.replace(*from, to));
        concerned.then(|| smart(&replaced()))
    });
    std::iter::once(smart(text)).chain(others)
}

fn likeness(character: char) -> Option<&'static str> {
    if gsm::septets(character).is_some() {
        return None;
    }
    LIKENESSES.iter().find(|(_, characters)| characters.contains(character)).map(|(likeness, _)| *likeness)
}

/// The full-width capitals, digits and signs; the small letters are not replaced.
fn full_width(character: char) -> Option<char> {
    match character {
        '！'..='＿' | '｛'..='～' => char::from_u32(u32::from(character) - FULL_WIDTH),
        _ => None,
    }
}

//! The tables as a whole: that all codes are there, each once, with words in both languages.

use std::collections::BTreeSet;

use super::Advice::{Account, Ambiguous, Busy, Configuration, Notice, OptedOut, Permanent, RetryLater, Sender};
use super::*;

/// Every code that Twilio documents for sending, by what it asks for.
const ADVICE: [(Advice, &[i32]); 14] = [
    (
        Permanent,
        &[
            20007, 20404, 21211, 21214, 21266, 21481, 21602, 21604, 21612, 21614, 21617, 21618, 21619, 21620, 21623,
            21635, 21652, 21653, 21658, 30004, 30005, 30006, 30007, 30010, 30011, 30019, 30400, 30404, 30409, 30450,
            63003, 63013, 63016, 63019, 63021, 63024, 63031, 63032, 63033, 63034, 60600, 60607, 60610, 60612, 60621,
            11751, 14103, 14109, 35111, 35114, 35115, 35117, 35119, 35126,
        ],
    ),
    (
        Configuration,
        &[
            21408, 21608, 21621, 21622, 21624, 21627, 21654, 21655, 21656, 21657, 21703, 30012, 30013, 30014, 30015,
            30016, 30018, 30024, 30032, 30033, 30034, 30045, 63015, 63027, 63028, 63029, 63030, 63040, 63041, 63042,
            63051, 90007, 60601, 60606, 60611, 60614, 60617, 60618, 60619, 60699, 11200, 11201, 11202, 11203, 11205,
            11206, 11210, 11215, 11220, 11235, 11236, 11237, 11240, 11241, 11242, 11243, 11251, 11321, 11750, 11770,
            12100, 12101, 12102, 12300, 14101, 14102, 14104, 14105, 14106, 14108, 14110, 14111, 30029, 30030, 35118,
        ],
    ),
    (Account, &[20003, 20004, 20005, 20006, 20008, 20010, 20011, 20012, 21609, 30002, 572_006]),
    (Sender, &[21212, 21601, 21603, 21606, 21659, 21660, 21701, 21702, 21704, 21705, 63007]),
    (Busy(Scope::Channel), &[20429]),
    (Busy(Scope::Sender), &[21611, 30001]),
    (RetryLater(None), &[30003, 30008, 30017, 30020, 30021, 30035, 30036, 63010, 63012, 63017, 63018, 60608, 60613]),
    (RetryLater(Some(Duration::from_secs(30))), &[14107]),
    (RetryLater(Some(Duration::from_mins(1))), &[20009, 30022, 60616]),
    (RetryLater(Some(Duration::from_hours(1))), &[35125]),
    (RetryLater(Some(Duration::from_hours(24))), &[30023, 30027, 63038]),
    (OptedOut, &[21610, 63014]),
    (Ambiguous, &[20500, 20503, 30410]),
    (Notice, &[12200, 30009, 30025, 30026]),
];

#[test]
fn every_code_is_known_with_what_it_asks_for() {
    let mut expected = BTreeSet::new();
    for (advice, codes) in ADVICE {
        for &code in codes {
            assert_eq!(known(code).map(|known| (known.code, known.advice)), Some((code, advice)), "{code}");
            expected.insert(code);
        }
    }
    assert_eq!(all().map(|known| known.code).collect::<BTreeSet<_>>(), expected);
    assert_eq!([0, -1, 1, 21, 99_999].map(known), [None; 5]);
}

#[test]
fn a_code_says_how_long_to_wait_and_what_it_stands_in_the_way_of() {
    let told = |code| known(code).map(|known| (known.pause().map(|pause| pause.as_secs()), known.fault()));
    assert_eq!(told(21611), Some((Some(60), None)));
    assert_eq!(told(20429), Some((None, None)));
    assert_eq!(told(14107), Some((Some(30), None)));
    assert_eq!(told(30002), Some((None, Some(Scope::Channel))));
    assert_eq!(told(21606), Some((None, Some(Scope::Sender))));
    assert_eq!(told(21703), Some((None, None)), "no number of the service reaches this recipient");
}

#[test]
fn a_code_is_there_once_and_in_order() {
    for table in TABLES {
        assert!(table.windows(2).all(|pair| pair[0].code < pair[1].code));
    }
    let codes: BTreeSet<i32> = all().map(|known| known.code).collect();
    assert_eq!(codes.len(), all().count());
}

#[test]
fn a_program_is_told_what_a_code_asks_for() {
    let told =
        |code| known(code).map(|known| known.explanation(Locale::En)).map(|told| (told.advice, told.retry_after_s));
    let cases = [
        (21211, "permanent", None),
        (21606, "configuration", None),
        (20003, "account", None),
        (21611, "retry_later", Some(60)),
        (30003, "retry_later", None),
        (21610, "opted_out", None),
        (20500, "ambiguous", None),
        (12200, "notice", None),
    ];
    for (code, advice, pause) in cases {
        assert_eq!(told(code), Some((advice, pause)), "{code}");
    }
}

#[test]
fn every_code_has_words_in_both_languages() {
    for known in all() {
        let texts = |locale| (known.title(locale), known.remedy(locale));
        let (spanish, english) = (texts(Locale::Es), texts(Locale::En));
        for (title, remedy) in [spanish, english] {
            for text in [title, remedy] {
                assert!(text.starts_with(|first: char| !first.is_lowercase() && !first.is_whitespace()), "{text:?}");
                assert!(!text.contains("  ") && !text.contains('\n'), "{text:?}");
            }
            assert!(title.chars().count() <= 70 && !title.ends_with('.'), "{title:?}");
            assert!(remedy.chars().count() <= 130 && remedy.ends_with('.'), "{remedy:?}");
        }
        assert_ne!(spanish.0, english.0);
        assert_ne!(spanish.1, english.1);
        // Names of settings stay the same in every language.
        let settings = |text: &'static str| text.split('`').skip(1).step_by(2).collect::<BTreeSet<_>>();
        assert_eq!(settings(spanish.1), settings(english.1), "{}", known.code);
    }
}

//! The report for build servers: JUnit XML, one suite a profile.

use std::fmt::Write;

use super::Totals;
use crate::check::{Profile, Stop};
use crate::runner::Outcome;

/// The whole report as XML.
pub fn render(outcomes: &[Outcome]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for profile in Profile::ALL {
        let own: Vec<Outcome> = outcomes
            .iter()
            .filter(|outcome| outcome.profile == profile)
            .cloned()
            .collect();
        if own.is_empty() {
            continue;
        }
        let totals = Totals::of(&own);
        let _ = writeln!(
            text,
            "<testsuite name=\"{profile}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">",
            own.len(),
            totals.failed,
            totals.skipped
        );
        for outcome in &own {
            case(&mut text, outcome);
        }
        text.push_str("</testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn case(text: &mut String, outcome: &Outcome) {
    let _ = write!(
        text,
        "<testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\">",
        outcome.profile,
        escaped(outcome.name),
        outcome.took.as_secs_f64()
    );
    match &outcome.verdict {
        Ok(()) => {}
        Err(Stop::Skipped(reason)) => {
            let _ = write!(text, "<skipped message=\"{}\"/>", escaped(reason));
        }
        Err(Stop::Failed(reason)) => {
            let shown: Vec<String> = outcome
                .exchanges
                .iter()
                .map(|exchange| format!("{}\n\n{}", exchange.request, exchange.response))
                .collect();
            let _ = write!(
                text,
                "<failure message=\"{}\">{}</failure>",
                escaped(reason),
                escaped(&shown.join("\n\n"))
            );
        }
    }
    text.push_str("</testcase>\n");
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // XML 1.0 has no other control characters.
            c if c.is_control() && !matches!(c, '\n' | '\t') => safe.push('\u{FFFD}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn markup_and_control_characters_cannot_break_the_file() {
        assert_eq!(
            escaped("<a b=\"&\">\u{1}"),
            "&lt;a b=&quot;&amp;&quot;&gt;\u{FFFD}"
        );
    }
}

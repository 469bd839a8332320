//! The figures of a run, side by side with what the machine can do: a table for people, JSON for programs.

use serde::Serialize;

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub scenario: String,
    /// Of whom: `machine`, `sqlite` or `postgres`.
    pub subject: String,
    /// The figure; absent if it could not be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Its unit.
    pub unit: &'static str,
    /// Median in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    /// 99th percentile in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// The figure as a multiple of baselines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ratios: Vec<Ratio>,
    /// What was aimed at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aim: Option<Aim>,
    /// What else is worth knowing, or why there is no figure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A figure as a multiple of a baseline.
#[derive(Clone, Debug, Serialize)]
pub struct Ratio {
    /// Of which baseline.
    pub of: &'static str,
    /// How many times.
    pub times: f64,
}

/// What was aimed at.
#[derive(Clone, Debug, Serialize)]
pub struct Aim {
    /// In words.
    pub text: String,
    /// Whether it was reached.
    pub met: bool,
}

impl Row {
    /// A figure without anything beside it.
    pub fn new(
        scenario: impl Into<String>,
        subject: &str,
        value: Option<f64>,
        unit: &'static str,
    ) -> Self {
        Self {
            scenario: scenario.into(),
            subject: subject.to_owned(),
            value,
            unit,
            p50_ms: None,
            p99_ms: None,
            ratios: Vec::new(),
            aim: None,
            note: None,
        }
    }

    /// Durations beside it, in ms.
    pub fn durations(mut self, p50: f64, p99: f64) -> Self {
        self.p50_ms = Some(p50);
        self.p99_ms = Some(p99);
        self
    }

    /// `measured` as a multiple of `baseline`.
    pub fn ratio(mut self, of: &'static str, measured: f64, baseline: f64) -> Self {
        let times = measured / baseline;
        self.ratios.push(Ratio { of, times });
        self
    }

    /// What was aimed at.
    pub fn aim(mut self, text: impl Into<String>, met: bool) -> Self {
        let text = text.into();
        self.aim = Some(Aim { text, met });
        self
    }

    /// A remark.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    fn cells(&self) -> [String; 7] {
        let ms = |value: Option<f64>| value.map_or(String::new(), |ms| format!("{ms:.2}"));
        let ratios: Vec<String> = self
            .ratios
            .iter()
            .map(|ratio| format!("{:.2} x {}", ratio.times, ratio.of))
            .collect();
        let aim = self.aim.as_ref().map_or(String::new(), |aim| {
            let met = if aim.met { "yes" } else { "NO" };
            format!("{}: {met}", aim.text)
        });
        let remarks = [ratios.join(", "), self.note.clone().unwrap_or_default()];
        let remarks: Vec<String> = remarks
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect();
        [
            self.scenario.clone(),
            self.subject.clone(),
            self.value
                .map_or("not measured".to_owned(), |value| figure(value, self.unit)),
            ms(self.p50_ms),
            ms(self.p99_ms),
            aim,
            remarks.join("; "),
        ]
    }
}

fn figure(value: f64, unit: &str) -> String {
    if value >= 100.0 {
        format!("{value:.0} {unit}")
    } else {
        format!("{value:.2} {unit}")
    }
}

const HEADINGS: [&str; 7] = [
    "scenario", "subject", "figure", "p50 ms", "p99 ms", "aim", "ratios",
];

/// The rows as a Markdown table that is also readable as it is.
pub fn table(rows: &[Row]) -> String {
    let mut lines = vec![HEADINGS.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    let mut widths = [0; HEADINGS.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        let cells: Vec<String> = line
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
        if index == 0 {
            let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            text.push_str(&format!("| {} |\n", rules.join(" | ")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_its_ratio_and_whether_the_aim_was_met() {
        let row = Row::new("send", "sqlite", Some(9000.0), "msg/s")
            .durations(1.0, 2.5)
            .ratio("HTTP", 9000.0, 36000.0)
            .aim("at least 8000", true);
        let table = table(&[row]);
        let line = table.lines().nth(2).unwrap();
        for part in [
            "9000 msg/s",
            "1.00",
            "2.50",
            "0.25 x HTTP",
            "at least 8000: yes",
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }

    #[test]
    fn what_was_not_measured_says_why() {
        let row = Row::new("flow", "sqlite", None, "events/s").note("the server did not start");
        let table = table(&[row]);
        assert!(table.contains("not measured"), "{table}");
        assert!(table.contains("the server did not start"), "{table}");
    }
}

//! A table for people.

use owo_colors::{AnsiColors, OwoColorize};

use super::{first_line, human_time};
use crate::run::{Ended, OutcomeKind, Summary};
use wheelsite::render::people::human_size;

/// Longer reasons are cut: the whole of it was said when it happened.
const LONGEST: usize = 160;

/// A line for each row, and one for all of them. Colored; whoever writes it decides whether
/// that is shown.
pub fn to_table(summary: &Summary) -> String {
    let head = ["row", "outcome", "time", "size"].map(str::to_owned);
    let cells = |ended: &Ended| {
        [
            crate::engine::text::clean(&ended.row.id),
            ended.kind().words().to_owned(),
            if ended.kind() == OutcomeKind::NotStarted {
                String::new()
            } else {
                human_time(ended.time)
            },
            ended.made().map_or_else(String::new, |made| human_size(made.size)),
        ]
    };
    let rows: Vec<_> = summary.rows.iter().map(|ended| (cells(ended), Some(ended))).collect();
    let all: Vec<_> = std::iter::once((head, None)).chain(rows).collect();
    let width = |column: usize| {
        all.iter().map(|(cells, _)| cells[column].chars().count()).max().unwrap_or(0)
    };
    let widths = [0, 1, 2, 3].map(width);
    let mut text = String::new();
    for (cells, ended) in &all {
        let [row, outcome, time, size] = cells;
        let outcome = format!("{outcome:<0$}", widths[1]);
        let outcome = match ended {
            Some(ended) => outcome.color(color(ended.kind())).to_string(),
            None => outcome,
        };
        let reason = match ended {
            Some(ended) => first_line(&ended.reason().unwrap_or_default(), LONGEST),
            None => "first error line".to_owned(),
        };
        let line = format!(
            "{row:<0$}  {outcome}  {time:>1$}  {size:>2$}  {reason}",
            widths[0], widths[2], widths[3]
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str(&format!("\n{} in {}\n", totals(summary), human_time(summary.time)));
    text
}

/// `2 built, 1 done before, 1 failed`
fn totals(summary: &Summary) -> String {
    use OutcomeKind::{Built, Failed, FromEarlier, Interrupted, NotStarted};
    let kinds = [Built, FromEarlier, Failed, Interrupted, NotStarted];
    let counts = kinds.map(|kind| (summary.count(kind), kind));
    let counted = counts.iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> =
        counted.map(|(count, kind)| format!("{count} {}", kind.words())).collect();
    if words.is_empty() { "no rows".to_owned() } else { words.join(", ") }
}

fn color(kind: OutcomeKind) -> AnsiColors {
    match kind {
        OutcomeKind::Built => AnsiColors::Green,
        OutcomeKind::FromEarlier => AnsiColors::Cyan,
        OutcomeKind::Failed => AnsiColors::Red,
        OutcomeKind::Interrupted | OutcomeKind::NotStarted => AnsiColors::Yellow,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::summary;
    use super::*;

    #[test]
    fn a_table_has_a_line_for_each_row() {
        let plain = anstream::adapter::strip_str(&to_table(&summary())).to_string();
        assert_eq!(
            plain,
            "\
row        outcome       time    size  first error line
demo-1-a   built        4m05s  1.2 MB
demo-1-b   done before   0.0s  1.2 MB
demo-1-c   failed       3h03m          stage `compile`: x.cu(3): error: a<b && \"c\" ]]> \\u{1b}[31m\\u{0}\u{ffff}
other-1-d  failed        0.0s          no image
other-1-e  interrupted   5.0s          interrupted; the next run goes on with it
other-1-f  not started                 interrupted

1 built, 1 done before, 2 failed, 1 interrupted, 1 not started in 3h20m
"
        );
    }
}

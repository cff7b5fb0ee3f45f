//! The matrix of a GitHub Actions workflow.
//!
//! Limits: <https://docs.github.com/en/actions/reference/limits>.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::row::{Platform, Row};

/// The most jobs of a matrix.
pub const MOST_JOBS: usize = 256;

/// One of several parts of a plan: `2/3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Which, from 1.
    pub number: usize,
    /// Of how many.
    pub of: usize,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (number, of) = text.split_once('/')?;
            let number = crate::row::number(number)? as usize;
            let of = crate::row::number(of)? as usize;
            (1..=of).contains(&number).then_some(Self { number, of })
        };
        parse().ok_or_else(|| format!("`{text}` is no part: expected `1/2`, `2/2` and so on"))
    }
}

/// What a workflow's `strategy.matrix` takes.
#[derive(Debug, Serialize)]
pub struct Matrix<'a> {
    include: Vec<Job<'a>>,
}

/// One job.
#[derive(Debug, Serialize)]
struct Job<'a> {
    id: &'a str,
    package: String,
    version: String,
    python: String,
    cuda: String,
    torch: Option<String>,
    platform: Platform,
    runs_on: &'a [String],
    image: &'a str,
}

/// The matrix of these rows, or of a part of them.
pub fn matrix(rows: &[Row], part: Option<Part>) -> Result<Matrix<'_>> {
    let rows = match part {
        None => rows,
        Some(Part { number, of }) => {
            // Parts of equal length, so that none is a runner's whole day and another nothing.
            let start = rows.len() * (number - 1) / of;
            &rows[start..rows.len() * number / of]
        }
    };
    if rows.len() > MOST_JOBS {
        let parts = match part {
            None => rows.len().div_ceil(MOST_JOBS),
            Some(part) => (rows.len() * part.of).div_ceil(MOST_JOBS),
        };
        return Err(Error::config(
            format!("{} rows, and a matrix has at most {MOST_JOBS} jobs", rows.len()),
            format!("print it in {parts} parts: `--part 1/{parts}` to `--part {parts}/{parts}`"),
        ));
    }
    let jobs = rows.iter().map(|row| Job {
        id: &row.id,
        package: row.package.to_string(),
        version: row.version.to_string(),
        python: row.python.to_string(),
        cuda: row.cuda.to_string(),
        torch: row.torch.map(|torch| torch.to_string()),
        platform: row.platform,
        runs_on: &row.recipe.runs_on,
        image: &row.recipe.image,
    });
    Ok(Matrix { include: jobs.collect() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::tests::plan;

    fn rows(count: usize) -> Vec<Row> {
        let one = plan("packages:\n  a: {versions: [\"1\"], python: \"3.12\"}\n").expect("plans");
        (0..count).map(|number| Row { id: format!("a-{number}"), ..one.rows[0].clone() }).collect()
    }

    #[test]
    fn a_matrix_has_what_a_job_needs() {
        let rows = rows(1);
        let matrix = serde_json::to_value(matrix(&rows, None).expect("fits")).expect("is JSON");
        assert_eq!(
            matrix,
            serde_json::json!({"include": [{
                "id": "a-0", "package": "a", "version": "1", "python": "3.12", "cuda": "12.9.1",
                "torch": null, "platform": "x86_64", "runs_on": ["ubuntu-latest"],
                "image": "nvidia/cuda:12.9.1-devel-ubuntu22.04",
            }]})
        );
    }

    #[test]
    fn more_than_a_matrix_holds_needs_parts() {
        let rows = rows(600);
        let error = matrix(&rows, None).expect_err("is too much");
        assert_eq!(error.exit_code(), 2);
        assert!(error.hint().expect("has one").contains("3 parts"), "{error}");
        let part = |text: &str| matrix(&rows, Some(text.parse().expect("is one")));
        assert!(part("1/2").is_err());
        assert_eq!(part("3/3").expect("fits").include.len(), 200);
    }

    proptest! {
        #[test]
        fn parts_hold_each_row_once(count in 0_usize..700, of in 3_usize..9) {
            let rows = rows(count);
            let mut all = Vec::new();
            for number in 1..=of {
                let matrix = matrix(&rows, Some(Part { number, of })).expect("fits");
                all.extend(matrix.include.iter().map(|job| job.id.to_owned()));
            }
            let expected: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
            prop_assert_eq!(all, expected);
        }

        #[test]
        fn parts_are_read_as_they_are_written(text in "[0-9/]{0,6}") {
            if let Ok(part) = text.parse::<Part>() {
                prop_assert_eq!(part.to_string(), text);
                prop_assert!(part.number >= 1 && part.number <= part.of);
            }
        }
    }
}

//! A plan for people.

use std::collections::BTreeMap;

use super::Plan;

/// The rows in columns, then what cannot be built, by its reason.
pub fn table(plan: &Plan) -> String {
    let head = ["row", "package", "version", "python", "cuda", "torch", "platform"];
    let rows: Vec<[String; 7]> = plan
        .rows
        .iter()
        .map(|row| {
            [
                row.id.clone(),
                row.package.to_string(),
                row.version.to_string(),
                row.python.to_string(),
                row.cuda.to_string(),
                row.torch.map_or_else(|| "-".to_owned(), |torch| torch.to_string()),
                row.platform.to_string(),
            ]
        })
        .collect();
    let mut widths = head.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let mut line = |cells: [&str; 7]| {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            line.push_str(&format!("{cell:width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    };
    if !rows.is_empty() {
        line(head);
    }
    for row in &rows {
        line(row.each_ref().map(String::as_str));
    }
    text
}

/// What cannot be built, a line for each reason with the rows that it holds for.
pub fn impossible(plan: &Plan) -> Vec<String> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in &plan.impossible {
        reasons.entry(&row.reason).or_default().push(&row.id);
    }
    let said = reasons.into_iter().map(|(reason, rows)| {
        let more = rows.len().saturating_sub(3);
        let rows = rows.iter().take(3).map(|row| format!("`{row}`")).collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{rows}{more} cannot be built: {reason}")
    });
    said.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::plan;

    #[test]
    fn columns_are_as_wide_as_what_they_hold() {
        let list = "packages:\n  a:\n    versions: [\"1\"]\n    python: [\"3.12\", \"3.9\"]\n    \
                    cuda: [\"12.9\", \"13.4\"]\n    torch: \"2.8\"\n";
        let plan = plan(list).expect("plans");
        assert_eq!(
            table(&plan),
            "row                              package  version  python  cuda    torch  platform\n\
             a-1-cp312-cu129-x86_64-torch2.8  a        1        3.12    12.9.1  2.8    x86_64\n\
             a-1-cp39-cu129-x86_64-torch2.8   a        1        3.9     12.9.1  2.8    x86_64\n"
        );
        assert_eq!(
            impossible(&plan),
            [
                "`a-1-cp312-cu134-x86_64-torch2.8`, `a-1-cp39-cu134-x86_64-torch2.8` cannot be built: \
              CUDA 13.4 has no torch 2.8 build: use 12.9, or torch 2.14"
            ]
        );
    }
}

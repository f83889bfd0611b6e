//! Draws how many times faster we are than others, as an SVG of horizontal bars for the README.

use crate::report::{Comparison, Report, Row};

const WIDTH: f64 = 860.0;
const LABELS: f64 = 390.0;
const GAP: f64 = 14.0;
const TOP: f64 = 56.0;
/// One colour a series, in the order of the table; told apart by the colour-blind too.
const COLOURS: [&str; 7] = [
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999",
];
/// Where rows differ by orders of magnitude, bars end here, or the small ones could not be told
/// apart. Their number says the rest.
const LONGEST: f64 = 4.0;

/// One group of bars a row, one bar a contender but the first, which all are compared with; a line
/// marks equal speed.
pub fn svg(report: &Report) -> String {
    let others = 1..report.contenders.len();
    let bar = match report.comparison {
        Comparison::Beside | Comparison::WithFirst => 16.0,
        Comparison::Summed => 11.0,
    };
    let ratios_of = |row: &Row| -> Vec<(usize, f64)> {
        let ratio = |other| Some((other, report.ratio_with_first(row, other)?));
        others.clone().filter_map(ratio).collect()
    };
    let groups: Vec<(&Row, Vec<(usize, f64)>)> = report
        .rows
        .iter()
        .filter(|row| row.drawn)
        .map(|row| (row, ratios_of(row)))
        .filter(|(_, ratios)| !ratios.is_empty())
        .collect();
    let all = groups.iter().flat_map(|(_, ratios)| ratios);
    let mut longest = all.fold(1.0, |most, (_, ratio)| f64::max(most, *ratio));
    if report.comparison == Comparison::Summed {
        longest = longest.min(LONGEST);
    }
    let unit = (WIDTH - LABELS - 60.0) / longest;
    let mut body = legend(report);
    let mut y = TOP;
    for (row, ratios) in groups {
        let middle = y + bar * ratios.len() as f64 / 2.0 + 4.0;
        let label = escaped(&row.title.replace('`', ""));
        body += &format!(
            "<text x=\"{}\" y=\"{middle:.1}\" text-anchor=\"end\">{label}</text>\n",
            LABELS - 10.0
        );
        for (series, ratio) in ratios {
            let (length, text_y) = (ratio.min(longest) * unit, y + bar - 3.0);
            let decimals = if ratio < 2.0 { 2 } else { 1 };
            body += &format!(
                "<rect x=\"{LABELS}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{:.1}\" \
                 fill=\"{}\"/>\n\
                 <text x=\"{:.1}\" y=\"{text_y:.1}\" font-size=\"{:.0}\">{ratio:.decimals$}×</text>\n",
                bar - 2.0,
                colour(series),
                LABELS + length + 5.0,
                f64::min(bar - 1.0, 12.0),
            );
            y += bar;
        }
        y += GAP;
    }
    let equal = LABELS + unit;
    body += &format!(
        "<line x1=\"{equal:.1}\" y1=\"{}\" x2=\"{equal:.1}\" y2=\"{y:.1}\" stroke=\"#555\" \
         stroke-dasharray=\"4 3\"/>\n",
        TOP - 6.0
    );
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{body}</svg>\n",
        height = y + 8.0
    )
}

fn legend(report: &Report) -> String {
    let cut = match report.comparison {
        Comparison::Beside | Comparison::WithFirst => String::new(),
        Comparison::Summed => format!("; bars end at {LONGEST}×"),
    };
    let first = &report.contenders[0].name;
    let mut title = match report.comparison {
        Comparison::WithFirst => {
            format!("How many times faster than {first} (the dashed line: as fast)")
        }
        Comparison::Beside | Comparison::Summed => {
            format!("How many times faster {first} is (the dashed line: as fast{cut})")
        }
    };
    if report.scale < 1.0 {
        title += &format!(", at {} of the full size", report.scale);
    }
    let mut text = format!(
        "<text x=\"10\" y=\"20\" font-size=\"14\" font-weight=\"bold\">{}</text>\n",
        escaped(&title)
    );
    for (series, contender) in report.contenders.iter().enumerate().skip(1) {
        let x = 10.0 + 140.0 * (series - 1) as f64;
        let than = match report.comparison {
            Comparison::WithFirst => "",
            Comparison::Beside | Comparison::Summed => "than ",
        };
        text += &format!(
            "<rect x=\"{x}\" y=\"30\" width=\"10\" height=\"10\" fill=\"{}\"/>\n\
             <text x=\"{}\" y=\"39\">{than}{}</text>\n",
            colour(series),
            x + 15.0,
            escaped(&contender.name),
        );
    }
    text
}

/// Series count from the second contender.
fn colour(series: usize) -> &'static str {
    COLOURS[(series - 1) % COLOURS.len()]
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;

    #[test]
    fn bars_are_as_long_as_the_ratios() {
        let svg = svg(&sample());
        let widths: Vec<f64> = svg
            .lines()
            .filter(|line| line.starts_with("<rect x=\"390\""))
            .filter_map(|line| {
                line.split("width=\"")
                    .nth(1)?
                    .split('"')
                    .next()?
                    .parse()
                    .ok()
            })
            .filter(|width| *width > 10.0)
            .collect();
        let [rsync_small, cp_small, rsync_million] = widths[..] else {
            panic!("three bars, not {widths:?}");
        };
        assert!((rsync_small / cp_small - 2.0).abs() < 0.01);
        assert!((rsync_small / rsync_million - 1.5).abs() < 0.01);
        assert!(LABELS + rsync_small < WIDTH);
    }

    #[test]
    fn bars_that_are_too_long_are_cut_and_others_left_out() {
        let mut report = sample();
        report.comparison = Comparison::Summed;
        report.rows[0].runs[1].truncate(1);
        report.rows[0].runs[1][0].seconds = 1000.0;
        report.rows[1].drawn = false;
        let svg = svg(&report);
        assert!(svg.contains("width=\"410.0\"") && svg.contains("1000.0×"));
        assert!(!svg.contains(&report.rows[1].title));
    }

    #[test]
    fn the_first_may_be_the_measure_of_the_others() {
        let mut report = sample();
        report.comparison = Comparison::WithFirst;
        let svg = svg(&report);
        assert!(svg.contains("faster than tidesync") && !svg.contains("than rsync"));
        assert!(svg.contains(">0.33×<"));
    }

    #[test]
    fn every_element_is_closed_and_text_is_escaped() {
        let svg = svg(&sample());
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("than rsync") && svg.contains("3.0×"));
        assert_eq!(escaped("a < b & c"), "a &lt; b &amp; c");
    }
}

//! Draws how many times faster tidesync is, as an SVG of horizontal bars for the README.

use crate::report::Report;

const WIDTH: f64 = 860.0;
const LABELS: f64 = 390.0;
const BAR: f64 = 16.0;
const GAP: f64 = 14.0;
const TOP: f64 = 56.0;
/// One colour a peer, in the order of the table; told apart by the colour-blind too.
const COLOURS: [&str; 4] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7"];

/// One group of bars a workload, one bar a peer; a line marks equal speed.
pub fn svg(report: &Report) -> String {
    let longest = report
        .rows
        .iter()
        .flat_map(|row| (1..report.peers.len()).filter_map(|peer| row.speedup(peer)))
        .fold(1.0, f64::max);
    let unit = (WIDTH - LABELS - 60.0) / longest;
    let mut body = legend(report);
    let mut y = TOP;
    for row in &report.rows {
        let ratios: Vec<(usize, f64)> = (1..report.peers.len())
            .filter_map(|peer| Some((peer, row.speedup(peer)?)))
            .collect();
        if ratios.is_empty() {
            continue;
        }
        let middle = y + BAR * ratios.len() as f64 / 2.0 + 4.0;
        let label = escaped(&row.title.replace('`', ""));
        body += &format!(
            "<text x=\"{}\" y=\"{middle:.1}\" text-anchor=\"end\">{label}</text>\n",
            LABELS - 10.0
        );
        for (peer, ratio) in ratios {
            let (length, text_y) = (ratio * unit, y + BAR - 4.0);
            body += &format!(
                "<rect x=\"{LABELS}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{:.1}\" \
                 fill=\"{}\"/>\n\
                 <text x=\"{:.1}\" y=\"{text_y:.1}\">{ratio:.1}×</text>\n",
                BAR - 2.0,
                colour(peer),
                LABELS + length + 5.0,
            );
            y += BAR;
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
    let mut title = "How many times faster tidesync is (the dashed line: as fast)".to_owned();
    if report.scale < 1.0 {
        title += &format!(", at {} of the full size", report.scale);
    }
    let mut text = format!(
        "<text x=\"10\" y=\"20\" font-size=\"14\" font-weight=\"bold\">{}</text>\n",
        escaped(&title)
    );
    for (index, peer) in report.peers.iter().enumerate().skip(1) {
        let x = LABELS + 110.0 * (index - 1) as f64;
        text += &format!(
            "<rect x=\"{x}\" y=\"30\" width=\"10\" height=\"10\" fill=\"{}\"/>\n\
             <text x=\"{}\" y=\"39\">than {}</text>\n",
            colour(index),
            x + 15.0,
            escaped(peer.kind.name()),
        );
    }
    text
}

fn colour(peer: usize) -> &'static str {
    COLOURS[(peer - 1) % COLOURS.len()]
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
    fn every_element_is_closed_and_text_is_escaped() {
        let svg = svg(&sample());
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("than rsync") && svg.contains("3.0×"));
        assert_eq!(escaped("a < b & c"), "a &lt; b &amp; c");
    }
}

//! Draws how many times faster we are than others, as an SVG of horizontal bars for the README.

const WIDTH: f64 = 860.0;
const LABELS: f64 = 390.0;
const BAR: f64 = 16.0;
const GAP: f64 = 14.0;
const TOP: f64 = 56.0;
/// One colour a series, in the order of the table; told apart by the colour-blind too.
const COLOURS: [&str; 5] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9"];

/// What is drawn.
pub struct Chart {
    /// Above the bars.
    pub title: String,
    /// Whom the ratios are to.
    pub series: Vec<String>,
    /// One a task.
    pub groups: Vec<Group>,
}

/// The bars of one task.
pub struct Group {
    /// The task.
    pub label: String,
    /// One a series, where there is one.
    pub ratios: Vec<Option<f64>>,
}

/// One group of bars a task, one bar a series; a line marks equal speed.
pub fn svg(chart: &Chart) -> String {
    let all = chart.groups.iter().flat_map(|group| &group.ratios);
    let longest = all
        .flatten()
        .fold(1.0, |most, &ratio| f64::max(most, ratio));
    let unit = (WIDTH - LABELS - 60.0) / longest;
    let mut body = legend(chart);
    let mut y = TOP;
    for group in &chart.groups {
        let numbered = group.ratios.iter().enumerate();
        let ratios: Vec<(usize, f64)> = numbered
            .filter_map(|(series, ratio)| Some((series, (*ratio)?)))
            .collect();
        if ratios.is_empty() {
            continue;
        }
        let middle = y + BAR * ratios.len() as f64 / 2.0 + 4.0;
        let label = escaped(&group.label.replace('`', ""));
        body += &format!(
            "<text x=\"{}\" y=\"{middle:.1}\" text-anchor=\"end\">{label}</text>\n",
            LABELS - 10.0
        );
        for (series, ratio) in ratios {
            let (length, text_y) = (ratio * unit, y + BAR - 4.0);
            body += &format!(
                "<rect x=\"{LABELS}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{:.1}\" \
                 fill=\"{}\"/>\n\
                 <text x=\"{:.1}\" y=\"{text_y:.1}\">{ratio:.1}×</text>\n",
                BAR - 2.0,
                colour(series),
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

fn legend(chart: &Chart) -> String {
    let mut text = format!(
        "<text x=\"10\" y=\"20\" font-size=\"14\" font-weight=\"bold\">{}</text>\n",
        escaped(&chart.title)
    );
    for (index, series) in chart.series.iter().enumerate() {
        let x = LABELS + 110.0 * index as f64;
        text += &format!(
            "<rect x=\"{x}\" y=\"30\" width=\"10\" height=\"10\" fill=\"{}\"/>\n\
             <text x=\"{}\" y=\"39\">than {}</text>\n",
            colour(index),
            x + 15.0,
            escaped(series),
        );
    }
    text
}

fn colour(series: usize) -> &'static str {
    COLOURS[series % COLOURS.len()]
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
        let svg = svg(&sample().chart());
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
        let svg = svg(&sample().chart());
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("than rsync") && svg.contains("3.0×"));
        assert_eq!(escaped("a < b & c"), "a &lt; b &amp; c");
    }
}

//! Plain text tables: what, figure, goal, verdict.

#[derive(Default)]
pub struct Table {
    rows: Vec<[String; 4]>,
}

impl Table {
    /// `met`: `None` when there is no goal to meet.
    pub fn row(
        &mut self,
        what: impl Into<String>,
        figure: impl Into<String>,
        goal: impl Into<String>,
        met: Option<bool>,
    ) {
        let verdict = match met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        self.rows.push([what.into(), figure.into(), goal.into(), verdict.into()]);
    }
    pub fn print(&self, title: &str) {
        println!("\n## {title}\n");
        let width = |column: usize| self.rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
        let (a, b, c) = (width(0), width(1), width(2));
        for [what, figure, goal, verdict] in &self.rows {
            println!("{what:<a$}  {figure:>b$}  {goal:<c$}  {verdict}");
        }
    }
}

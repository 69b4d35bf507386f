//! The severities of a check, and its expressions compiled together, with errors at their places in the file.

use super::{KnownColumns, Reading};
use crate::config::{Place, Problem, Setting, SettingValue, Text, did_you_mean};
use crate::expr::{Compiled, ExprError, Script, Which};
use crate::model::Severity;
use crate::rules::{Columns, Params, SeverityRule};

type Severities = [Option<SeverityRule>; 3];

impl Reading<'_, '_> {
    /// `None` where something is wrong; that has been told.
    pub(super) fn compile(
        &mut self,
        columns: Option<&Columns>,
        params: &Params,
        known: &KnownColumns,
        fallback: Option<&KnownColumns>,
    ) -> Option<(Severities, Compiled)> {
        let mut conditions = Vec::new();
        let severities = self.severities(&mut conditions);
        let lets = self.settings.right("let").filter_map(|(name, of)| Some((name, of.spanned()?)));
        let (names, sources): (Vec<&Text>, Vec<Text>) = lets.unzip();
        let unknown = ["columns", "params", "let"].map(|key| self.settings.map(key).unwrap_or_default());
        let unknown = unknown.into_iter().flatten().filter(|(_, of)| of.is_wrong());
        // Where other names may be there as well, those that are declared are no more than the others.
        let columns = columns.filter(|_| known.is_complete);
        let compiled = {
            let script = Script {
                params: params.iter().map(|(name, value)| (&**name, value.clone())).collect(),
                columns: columns.map(|columns| columns.iter().map(|(name, of)| (&**name, *of)).collect()),
                lets: names.iter().zip(&sources).map(|(name, text)| (name.as_str(), text.as_str())).collect(),
                conditions: conditions.iter().map(Text::as_str).collect(),
                unknown: unknown.map(|(name, _)| name.as_str()).collect(),
            };
            crate::expr::compile(&script)
        };
        match compiled {
            Ok(compiled) => {
                for (answer, known) in [("the answer", Some(known)), ("the fallback's answer", fallback)] {
                    let Some(known) = known else { continue };
                    self.names_known(&compiled, answer, known, &sources, &conditions);
                }
                Some((severities?, compiled))
            }
            Err(errors) => {
                for error in errors {
                    let problem = self.expression_problem(error, &sources, &conditions);
                    self.problems.push(problem);
                }
                None
            }
        }
    }

    /// Points an error into the file.
    fn expression_problem(&self, error: ExprError, lets: &[Text], conditions: &[Text]) -> Problem {
        let place = self.place_of(error.which, error.offset, error.len, lets, conditions);
        Problem::error(error.message).at(place).help_if(error.help)
    }

    fn place_of(&self, which: Which, offset: usize, len: usize, lets: &[Text], conditions: &[Text]) -> Place {
        let named = |key: &str, i: usize| self.settings.right(key).nth(i).map(|(name, _)| name);
        let text = match which {
            Which::Param(i) => named("params", i),
            Which::Column(i) => named("columns", i),
            Which::LetName(i) => named("let", i),
            Which::Let(i) => lets.get(i),
            Which::Condition(i) => conditions.get(i),
        };
        text.map_or_else(|| self.name.place(), |text| text.place_in(offset, len))
    }

    /// Without `columns:`, what the expressions use has to be among what the kind of source gives.
    fn names_known(
        &mut self,
        compiled: &Compiled,
        answer: &str,
        known: &KnownColumns,
        lets: &[Text],
        conditions: &[Text],
    ) {
        for used in compiled.columns().iter().filter(|column| !column.declared) {
            let found = known.columns.iter().find(|(name, _)| **name == *used.name);
            let problem = match (found, used.value_type) {
                (None, _) if known.is_complete => {
                    let help = did_you_mean(&used.name, known.columns.iter().map(|(name, _)| name.as_str()));
                    let names: Vec<&str> = known.columns.iter().map(|(name, _)| name.as_str()).collect();
                    let listed = format!("{answer} has `{}`", names.join("`, `"));
                    Problem::error(format!("unknown column `{}`", used.name)).help(help.unwrap_or(listed))
                }
                (Some((_, Some(have))), Some(want)) if *have != want => {
                    Problem::error(format!("column `{}` is {have}, and is taken for {want} here", used.name))
                }
                _ => continue,
            };
            let place = used.first.map(|(which, at)| self.place_of(which, at, used.name.len(), lets, conditions));
            self.problems.push(problem.at(place.unwrap_or_else(|| self.name.place())));
        }
    }

    fn severities(&mut self, conditions: &mut Vec<Text>) -> Option<Severities> {
        let alert = self.settings.record("alert")?.clone();
        let mut severities: Severities = [None, None, None];
        let mut is_whole = true;
        // In the order that messages and errors list them: the most severe first.
        for severity in Severity::ALL.into_iter().rev() {
            if !alert.has(severity.name()) {
                continue;
            }
            let rule = alert.get(severity.name()).and_then(|setting| self.severity(setting, conditions));
            is_whole &= rule.is_some();
            severities[severity.index()] = rule;
        }
        // One that is misspelt was told.
        let is_empty = Severity::ALL.iter().all(|severity| alert.lacks(severity.name()));
        if is_whole && is_empty {
            let problem = Problem::error("`alert` holds no severity")
                .help("write one of `critical`, `warning`, `info` with its condition");
            self.fail("alert", problem);
            return None;
        }
        (is_whole && severities.iter().any(Option::is_some)).then_some(severities)
    }

    fn severity(&mut self, setting: &Setting, conditions: &mut Vec<Text>) -> Option<SeverityRule> {
        let place_of = |text: Text, conditions: &mut Vec<Text>| {
            conditions.push(text);
            conditions.len() - 1
        };
        let SettingValue::Record(written) = &setting.value else {
            let when = place_of(setting.spanned()?, conditions);
            let (hold, keep_firing_for) = (self.settings.duration("for")?, self.settings.duration("keep_firing_for")?);
            return Some(SeverityRule { when, until: None, hold, keep_firing_for });
        };
        let when = written.spanned("when").map(|text| place_of(text, conditions));
        let until = written.spanned("until").map(|text| place_of(text, conditions));
        let duration = |key: &str| if written.has(key) { written.duration(key) } else { self.settings.duration(key) };
        Some(SeverityRule { when: when?, until, hold: duration("for")?, keep_firing_for: duration("keep_firing_for")? })
    }
}

//! `calendars:` and `silences:`.

use super::Loading;
use super::declare::{CALENDAR, SILENCE};
use super::spans::{date, days, times};
use crate::config::{Place, Problem, Setting, SettingValue, Settings};
use crate::dispatch::calendar::Calendar;
use crate::model::Silence;
use crate::model::silence::problem_of_matchers;
use crate::rules::outline::{SilenceOutline, with_places};
use crate::rules::read::declared;
use jiff::civil::Date;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The calendars by name; `None` for one that is wrong: what names it does not point nowhere.
pub(super) type Calendars = BTreeMap<Arc<str>, Option<Arc<Calendar>>>;

impl Loading<'_> {
    pub(super) fn calendars(&mut self) -> Calendars {
        let mut found = Calendars::new();
        for (name, node, section) in self.named("calendars") {
            let reader = self.reader.filling(section.fill);
            let before = self.problems.len();
            let settings = reader.record(section.source, node, &CALENDAR, &mut self.problems);
            let calendar = self.calendar(&name.text, &settings);
            let is_right = self.problems.len() == before;
            self.outline.calendars.push(name.clone());
            found.insert(name.text, calendar.filter(|_| is_right).map(Arc::new));
        }
        found
    }

    fn calendar(&mut self, name: &Arc<str>, settings: &Settings) -> Option<Calendar> {
        for key in ["times", "weekdays"] {
            if settings.has(key) && settings.list(key).is_some_and(<[_]>::is_empty) {
                let problem = Problem::error(format!("`{key}` is empty: the calendar would never be active"));
                self.problems.push(problem.at(settings.place(key)).help("write some, or remove the key"));
            }
        }
        let mut weekdays = [!settings.has("weekdays"); 7];
        for read in settings.texts("weekdays").into_iter().filter_map(|text| days(text, text).ok()) {
            (0..7).for_each(|day| weekdays[day] |= read[day]);
        }
        let holidays = settings.get("holidays").map(|setting| self.holidays(setting)).unwrap_or_default();
        Some(Calendar {
            name: Arc::clone(name),
            zone: settings.zone("timezone")?.clone(),
            weekdays,
            times: settings.texts("times").into_iter().filter_map(|text| times(text, text).ok()).collect(),
            holidays,
        })
    }

    /// A list of dates, or dates with what they are called.
    fn holidays(&mut self, setting: &Setting) -> BTreeMap<Date, Arc<str>> {
        let mut found = BTreeMap::new();
        match &setting.value {
            SettingValue::List(dates) => {
                for text in dates.iter().filter_map(Setting::text) {
                    found.extend(date(text, text).ok().map(|date| (date, Arc::from(text))));
                }
            }
            SettingValue::Map(named) => {
                for (day, name) in named {
                    match date(day.as_str(), day.as_str()) {
                        Ok(date) => found.extend(name.text().map(|name| (date, Arc::from(name)))),
                        Err(error) => {
                            self.problems.push(Problem::error(error.message).at(day.place()).help_if(error.help));
                        }
                    }
                }
            }
            _ => {}
        }
        found
    }

    pub(super) fn silences(&mut self) -> Vec<Silence> {
        let mut found = Vec::new();
        let mut seen: HashMap<Arc<str>, Place> = HashMap::new();
        for section in self.files.sections("silences") {
            let reader = self.reader.filling(section.fill);
            let Some(nodes) = super::entries(section, &mut self.problems) else { continue };
            for node in nodes {
                let before = self.problems.len();
                let settings = reader.record(section.source, node, &SILENCE, &mut self.problems);
                let name = settings.spanned("name");
                self.outline.silences_named.extend(name.iter().map(|name| Arc::clone(&name.text)));
                if let Some(name) = &name
                    && let Some(earlier) = seen.insert(Arc::clone(&name.text), name.place())
                {
                    self.problems.push(super::decls::twice(name, "silence", earlier));
                }
                let silence = self.silence(&settings);
                found.extend(silence.filter(|_| self.problems.len() == before));
            }
        }
        found
    }

    fn silence(&mut self, settings: &Settings) -> Option<Silence> {
        let mut fail = |key: &str, message: &str, help: &str| {
            self.problems.push(Problem::error(message).at(settings.place(key)).help(help));
        };
        let matchers = settings.matchers("matchers");
        let all_read = settings.list("matchers").is_some_and(|list| list.len() == matchers.len());
        if let Some(why) = problem_of_matchers(&matchers).filter(|_| all_read) {
            fail("matchers", why, "write one: `['check=\"processor-slowdown\"']`");
        }
        for (key, help) in [("created_by", "write who it is to be asked about"), ("comment", "write why")] {
            if settings.text(key).is_some_and(|text| text.trim().is_empty()) {
                fail(key, &format!("`{key}` is empty"), help);
            }
        }
        let (starts, ends) = (settings.time("starts")?, settings.time("ends")?);
        if ends <= starts {
            fail("ends", "this silence ends before it starts", "put its end after its start");
        }
        let place = settings.origin().place();
        let name = settings.spanned("name")?;
        self.outline.silences.push(SilenceOutline {
            name: name.clone(),
            matchers: with_places(settings, "matchers"),
            ends,
            ends_at: settings.place("ends"),
        });
        Some(Silence {
            id: name.text,
            matchers,
            starts,
            ends,
            created_by: Arc::from(settings.text("created_by")?),
            comment: Arc::from(settings.text("comment")?),
            updated: starts,
            declared: Some(declared(&place)),
        })
    }
}

//! Paths into JSON, all of a preset's read in one pass over a line; what none leads to is skipped unread.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::wire::beat::fields::Value;

/// The most steps of a path: known streams need four.
const STEPS_MAX: usize = 8;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// The member of that name, or the element of a list at that number.
    Name(Box<str>),
    /// Every member: numbers are added up.
    Any,
}

#[derive(Clone, Debug, Default)]
struct Node {
    children: Vec<(Step, usize)>,
    /// Where the value goes.
    slot: Option<usize>,
    /// Where the name goes by which one came here.
    name: Option<usize>,
}

/// Where a value that a path leads to is found.
pub type Slot = usize;

/// Paths, ready to be followed.
#[derive(Clone, Debug)]
pub struct Plan {
    nodes: Vec<Node>,
    slots: usize,
    /// Which of them are amounts of money: their sums may be fractions.
    amounts: Vec<Slot>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], slots: 0, amounts: Vec::new() }
    }
}

impl Plan {
    /// Adds a path such as `usage.input_tokens`, `modelUsage.*.costUSD`, `models.*` (the name of the only
    /// member), `choices.0.text` or `attributes."gen_ai.usage.input_tokens"`.
    ///
    /// # Errors
    /// What is wrong with it, as a predicate.
    pub fn add(&mut self, path: &str) -> Result<Slot, String> {
        let steps = steps(path)?;
        let names = steps.last() == Some(&Step::Any);
        let mut at = 0;
        for step in steps {
            let known = self.nodes[at].children.iter().find(|(known, _)| *known == step);
            at = if let Some((_, node)) = known {
                *node
            } else {
                let new = self.nodes.len();
                self.nodes.push(Node::default());
                self.nodes[at].children.push((step, new));
                new
            };
        }
        let node = &mut self.nodes[at];
        let slot = if names { &mut node.name } else { &mut node.slot };
        Ok(*slot.get_or_insert_with(|| {
            self.slots += 1;
            self.slots - 1
        }))
    }

    /// As [`Plan::add`], for an amount of money.
    ///
    /// # Errors
    /// Those of [`Plan::add`].
    pub fn add_amount(&mut self, path: &str) -> Result<Slot, String> {
        let slot = self.add(path)?;
        self.amounts.push(slot);
        Ok(slot)
    }

    /// What the paths lead to in an object; `None` if the text is no JSON object.
    pub(in crate::wire) fn follow<'l>(&self, line: &'l str) -> Option<Vec<Value<'l>>> {
        if !line.trim_ascii_start().starts_with('{') {
            return None;
        }
        let mut got: Vec<Value<'l>> = Vec::new();
        got.resize_with(self.slots, Value::default);
        let mut json = serde_json::Deserializer::from_str(line);
        Walk { plan: self, node: 0, got: &mut got, sums: false }.deserialize(&mut json).ok()?;
        json.end().ok()?;
        Some(got)
    }

    /// Forgets what was found below `node`: of a repeated key the last one counts.
    fn forget(&self, node: usize, got: &mut [Value<'_>]) {
        let Node { children, slot, name } = &self.nodes[node];
        for slot in [slot, name].into_iter().flatten() {
            got[*slot] = Value::Absent;
        }
        for (_, child) in children {
            self.forget(*child, got);
        }
    }
}

fn steps(path: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut rest = path;
    loop {
        let (step, behind) = if let Some(quoted) = rest.strip_prefix('"') {
            let (name, behind) =
                quoted.split_once('"').ok_or("has a quote that is never closed; close it")?;
            (Step::Name(name.into()), behind)
        } else {
            let (name, behind) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
            (if name == "*" { Step::Any } else { Step::Name(name.into()) }, behind)
        };
        if step == Step::Name("".into()) {
            return Err("is no path; write names with dots between them: usage.input_tokens".into());
        }
        steps.push(step);
        if STEPS_MAX < steps.len() {
            return Err(format!("has more than {STEPS_MAX} steps; no stream needs so many"));
        }
        match behind.strip_prefix('.') {
            Some(behind) => rest = behind,
            None if behind.is_empty() => return Ok(steps),
            None => return Err("goes on behind a quote; put a dot there".into()),
        }
    }
}

/// One value on the way. Goes no deeper than the paths, so no nesting reaches the stack.
struct Walk<'w, 'de> {
    plan: &'w Plan,
    node: usize,
    got: &'w mut [Value<'de>],
    /// A `*` is on the way here.
    sums: bool,
}

impl<'de> Walk<'_, 'de> {
    fn node(&self) -> &Node {
        &self.plan.nodes[self.node]
    }

    fn set(self, value: Value<'de>) {
        let Some(slot) = self.node().slot else { return };
        let (sums, amount) = (self.sums, self.plan.amounts.contains(&slot));
        let Some(place) = self.got.get_mut(slot) else { return };
        *place = match (&*place, value) {
            (_, value) if !sums => value,
            (Value::Whole(sum), Value::Whole(more)) => Value::Whole(sum.saturating_add(more)),
            (Value::Absent, value) => value,
            (sum, more) if amount => sum
                .number()
                .zip(more.number())
                .map_or(Value::List, |(sum, more)| Value::Float(sum + more)),
            (Value::Whole(_), wrong) => wrong,
            // What is wrong stays so, whatever is added to it.
            _ => return,
        };
    }

    /// Goes on to a child.
    fn step<'s>(&'s mut self, child: usize, any: bool) -> Walk<'s, 'de> {
        if !any && !self.sums {
            self.plan.forget(child, self.got);
        }
        Walk { plan: self.plan, node: child, got: self.got, sums: self.sums || any }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.set(Value::Bool(value));
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.set(Value::Whole(value));
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.set(u64::try_from(value).map_or(Value::Negative(value), Value::Whole));
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.set(Value::Float(value));
        Ok(())
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        self.set(Value::Text(text.into()));
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.set(Value::clipped(text));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let children = &self.plan.nodes[self.node].children;
        let highest = children.iter().filter_map(|(step, _)| match step {
            Step::Name(name) => name.parse::<usize>().ok(),
            Step::Any => Some(usize::MAX),
        });
        let highest = highest.max();
        for index in 0_usize.. {
            let child = highest.filter(|highest| index <= *highest).and_then(|_| {
                children.iter().find(|(step, _)| match step {
                    Step::Name(name) => name.parse() == Ok(index),
                    Step::Any => true,
                })
            });
            let more = match child {
                Some((step, child)) => {
                    list.next_element_seed(self.step(*child, *step == Step::Any))?
                }
                None => list.next_element::<IgnoredAny>()?.map(drop),
            };
            if more.is_none() {
                break;
            }
        }
        self.set(Value::List);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<(), A::Error> {
        while let Some(found) = object.next_key_seed(Key(&mut self))? {
            match found {
                Some((child, any)) => object.next_value_seed(self.step(child, any))?,
                // Skipped without recursion.
                None => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        self.set(Value::Object);
        Ok(())
    }
}

/// Finds the child for a key without keeping the key.
struct Key<'k, 'w, 'de>(&'k mut Walk<'w, 'de>);

impl<'de> DeserializeSeed<'de> for Key<'_, '_, '_> {
    type Value = Option<(usize, bool)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Key<'_, '_, '_> {
    type Value = Option<(usize, bool)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        let children = &self.0.plan.nodes[self.0.node].children;
        let named =
            children.iter().find(|(step, _)| matches!(step, Step::Name(name) if **name == *key));
        let Some((step, child)) =
            named.or_else(|| children.iter().find(|(step, _)| *step == Step::Any))
        else {
            return Ok(None);
        };
        if let Some(slot) = self.0.plan.nodes[*child].name {
            // Of several nobody knows which.
            let first = !self.0.got[slot].is_set();
            self.0.got[slot] = if first { Value::clipped(key) } else { Value::List };
        }
        Ok(Some((*child, *step == Step::Any)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(paths: &[&str], line: &str) -> Vec<String> {
        let mut plan = Plan::default();
        let mut add = |path: &str| match path.strip_prefix('$') {
            Some(path) => plan.add_amount(path).unwrap(),
            None => plan.add(path).unwrap(),
        };
        let slots: Vec<Slot> = paths.iter().map(|path| add(path)).collect();
        let Some(got) = plan.follow(line) else { return vec!["none".into()] };
        let show = |value: &Value<'_>| match value {
            Value::Absent => "-".to_owned(),
            Value::Whole(number) => number.to_string(),
            Value::Negative(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Bool(on) => on.to_string(),
            Value::Text(text) => format!("'{text}'"),
            Value::List => "[]".into(),
            Value::Object => "{}".into(),
        };
        slots.into_iter().map(|slot| show(&got[slot])).collect()
    }

    #[test]
    fn paths_lead_to_values_and_stars_add_up() {
        let line = r#"{"a":{"b":7,"x":[{"b":9}]},"m":{"o":{"in":1,"c":0.5},"p":{"in":2,"c":0.25}},
            "l":[{"f":null},{"f":"stop"}],"k.d":{"e":true},"s":"\u00e9","n":null,"one":{"z":{}}}"#;
        let paths = [
            "a.b",
            "a",
            "m.*.in",
            "$m.*.c",
            "m.*",
            "l.1.f",
            "l.0.f",
            "\"k.d\".e",
            "s",
            "n",
            "one.*",
        ];
        let want = ["7", "{}", "3", "0.75", "[]", "'stop'", "-", "true", "'é'", "-", "'z'"];
        assert_eq!(follow(&paths, line), want);
        assert_eq!(follow(&["l.*.f", "a.x.*.b"], line), ["'stop'", "9"]);
    }

    #[test]
    fn of_a_repeated_key_the_last_one_counts() {
        let line = r#"{"m":{"a":{"n":5}},"u":{"t":1},"u":{},"m":{"b":{"n":7}}}"#;
        assert_eq!(follow(&["m.*.n", "u.t", "m.*"], line), ["7", "-", "'b'"]);
    }

    #[test]
    fn what_is_no_object_or_torn_leads_nowhere_and_depth_is_no_matter() {
        for line in ["[1]", "{\"a\":1", "{\"a\":1}x", "", "7", "{\"a\":NaN}"] {
            assert_eq!(follow(&["a"], line), ["none"], "{line}");
        }
        let deep = format!("{{\"x\":{}{},\"a\":1}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(follow(&["a"], &deep), ["1"]);
        let wrong = r#"{"m":{"a":{"n":-5},"b":{"n":7}}}"#;
        assert_eq!(follow(&["m.*.n"], wrong), ["-5"]);
    }

    #[test]
    fn what_is_no_path_is_refused_in_words() {
        for path in ["", ".a", "a.", "a..b", "\"a", "\"a\"b", "a.b.c.d.e.f.g.h.i"] {
            let words = Plan::default().add(path).unwrap_err();
            assert!(
                words.starts_with("is ") || words.starts_with("has ") || words.starts_with("goes ")
            );
        }
    }
}

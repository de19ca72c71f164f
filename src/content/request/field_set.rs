//! Sets of a request's fields.

use super::fields::Field;

/// Some of a request's fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldSet(u32);

impl FieldSet {
    /// All fields.
    pub fn all() -> Self {
        Field::ALL.iter().copied().collect()
    }

    /// Whether a field is among them.
    pub fn contains(self, field: Field) -> bool {
        self.0 & Self::bit(field) != 0
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds a field.
    pub fn insert(&mut self, field: Field) {
        self.0 |= Self::bit(field);
    }

    /// Takes a field out.
    pub fn remove(&mut self, field: Field) {
        self.0 &= !Self::bit(field);
    }

    /// Returns the fields in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Field> {
        Field::ALL.iter().copied().filter(move |field| self.contains(*field))
    }

    fn bit(field: Field) -> u32 {
        1 << field as u32
    }
}

impl FromIterator<Field> for FieldSet {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        let mut set = Self::default();
        fields.into_iter().for_each(|field| set.insert(field));
        set
    }
}

//! Comparisons with golden data from the reference implementations (`tests/golden`), each generator beside its data.

mod tokenizer;

//! What is read whole, because it was asked for: duplicates.

use std::fs;

use burnisher::base::stop::Stop;
use burnisher::storage::library::find_duplicates;

use super::{CancelToken, LORA, SD1, Tree, bytes, link};

#[test]
fn files_with_the_same_content_are_found_and_left_alone() {
    let tree = Tree::new();
    let model = bytes(&SD1, "F16");
    let mut other = model.clone();
    *other.last_mut().expect("a byte") = 1;
    tree.write("a/one.safetensors", &model).write("b/two.safetensors", &model).write("c/three.safetensors", &model);
    tree.write("d/as-long.safetensors", &other).write("e/lora.safetensors", &bytes(&LORA, "F16"));
    link(&tree.path("a/one.safetensors"), &tree.path("f/link.safetensors"));
    let items = tree.added("");
    let mut heard = Vec::new();
    let found = find_duplicates(&items, &CancelToken::new(), &mut |done, of| heard.push((done, of)));
    let (groups, troubles) = found.expect("not stopped");
    assert!(troubles.is_empty());
    assert_eq!(groups.len(), 1);
    let names: Vec<_> = groups[0].files.iter().filter_map(|path| path.file_name()).collect();
    assert_eq!(names, ["one.safetensors", "two.safetensors", "three.safetensors"]);
    assert_eq!(groups[0].bytes, model.len() as u64);
    let all = 4 * model.len() as u64;
    assert_eq!(heard.last(), Some(&(all, all)), "the LoRA has a length of its own and isn't read");
    assert_eq!(tree.added(""), items, "nothing has changed");
}

#[test]
fn a_search_for_duplicates_can_be_stopped_and_tells_of_what_is_gone() {
    let tree = Tree::new();
    tree.model("a.safetensors").model("b.safetensors").model("c.safetensors");
    let items = tree.added("");
    fs::remove_file(tree.path("b.safetensors")).expect("removed");
    let (groups, troubles) = find_duplicates(&items, &CancelToken::new(), &mut |_, _| {}).expect("not stopped");
    assert_eq!((groups.len(), groups[0].files.len(), troubles.len()), (1, 2, 1));
    assert!(troubles[0].to_string().contains("b.safetensors"));
    let stopped = CancelToken::new();
    stopped.cancel();
    assert!(matches!(find_duplicates(&items, &stopped, &mut |_, _| {}), Err(Stop::Cancelled)));
}

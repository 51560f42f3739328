// The search of the start page, by the rule of src/apps/search.rs. Without this, the form does it.
const id = (name) => document.getElementById(name);
const all = (css, from = document) => [...from.querySelectorAll(css)];
const han = "\u3400-\u9fff\uf900-\ufaff\u{20000}-\u{3ffff}";
const runs = RegExp(`[${han}]+|[^\\s${han}]+`, "gu");
const box = id("q");

function filter() {
  const text = box.value.toLowerCase()
    .replace(/[！-～]/g, (wide) => String.fromCharCode(wide.charCodeAt() - 0xfee0))
    .replace(/^\s*https?:\/\//, "");
  const parts = (text.match(runs) ?? []).map((run) => RegExp(`^[${han}]`, "u").test(run) ? run : " " + run);
  let count = 0;
  for (const group of all(".group")) {
    let shown = 0;
    for (const tile of all("[data-words]", group)) {
      tile.hidden = !parts.every((part) => tile.dataset.words.includes(part));
      shown += !tile.hidden;
    }
    group.hidden = !shown;
    count += shown;
  }
  id("none").hidden = count;
  id("count").textContent = count;
  const search = id("sought").textContent = id("kept").value = box.value.trim();
  // Browsers limit how often; the next letter makes up for it.
  try { history.replaceState(0, "", search ? "/?q=" + encodeURIComponent(search) : "/"); } catch {}
}

// While an input method is at work, the field does not yet say what is meant.
box.addEventListener("input", (e) => e.isComposing || filter());
box.addEventListener("compositionend", filter);
addEventListener("keydown", (e) => {
  if (e.isComposing || e.keyCode == 229 || e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key == "/" && !e.target.closest("input")) {
    e.preventDefault();
    box.select();
  }
  const hit = all("[data-words]:not([hidden]) .open")[0];
  if (e.key == "Enter" && e.target == box && box.value.trim() && hit) {
    e.preventDefault();
    hit.click();
  }
});
// What the browser kept of the page may show what is gone by now.
addEventListener("pageshow", (e) => e.persisted && location.reload());

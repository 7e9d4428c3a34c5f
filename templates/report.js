// What a reader can do with a page: sort and filter tables, hide architectures, ask the marks of
// a figure what they are. Without this script the page reads whole.
//
// The view (what is hidden, sorted, filtered, open) stands in the address, after the anchor:
//   index.html#claims?hide=rose&sort=claims-2.3.down&filter=claims-2.2.refuted&open=runs-1
"use strict";
{
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  // ---------------------------------------------------------------- what is on the page

  const tables = all("table[id]").map((element) => ({
    id: element.id,
    element,
    heads: [...element.tHead.rows[0].cells],
    body: element.tBodies[0],
    rows: [...element.tBodies[0].rows], // in the page's own order
    fold: element.closest("details"),
    selects: new Map(), // column -> its drop-down
    count: null, // where the number of shown rows stands
  }));
  const figures = all("figure").filter((figure) => figure.querySelector(".mark"));
  const legend = document.querySelector(".legend");
  const names = all(".legend [data-name]").map((item) => item.dataset.name);
  const everyone = make("button", { type: "button", class: "everyone" }, "Show all");
  const spoken = make("p", { class: "spoken", role: "status" });
  const tip = make("div", { class: "tip", "aria-hidden": "true", hidden: "" });

  // A screen reader says it as soon as it has nothing else to say.
  const say = (text) => (spoken.textContent = text);

  // ---------------------------------------------------------------- the view and its address

  let view = readView("");

  function readView(query) {
    const asked = new URLSearchParams(query);
    const known = { hidden: new Set(), open: new Set(), sorts: new Map(), filters: new Map() };
    for (const name of asked.getAll("hide")) if (names.includes(name)) known.hidden.add(name);
    for (const table of tables) {
      if (table.fold && asked.getAll("open").includes(table.id)) known.open.add(table.id);
    }
    for (const each of asked.getAll("sort")) {
      const [id, column, way] = each.split(".");
      const head = tables.find((table) => table.id === id)?.heads[column - 1];
      if (head?.querySelector("button")) {
        known.sorts.set(id, { column: column - 1, down: way === "down" });
      }
    }
    for (const each of asked.getAll("filter")) {
      const [id, column, ...words] = each.split(".");
      const select = tables.find((table) => table.id === id)?.selects.get(column - 1);
      const value = words.join(".");
      if ([...(select?.options ?? [])].some((option) => option.value === value && value)) {
        known.filters.set(`${id}.${column}`, value);
      }
    }
    return known;
  }

  // Always in the page's order: one view has one address.
  function writeView() {
    const query = new URLSearchParams();
    for (const name of names) if (view.hidden.has(name)) query.append("hide", name);
    for (const { id, selects } of tables) {
      const sort = view.sorts.get(id);
      if (sort) query.append("sort", `${id}.${sort.column + 1}.${sort.down ? "down" : "up"}`);
      for (const column of selects.keys()) {
        const value = view.filters.get(`${id}.${column + 1}`);
        if (value) query.append("filter", `${id}.${column + 1}.${value}`);
      }
      if (view.open.has(id)) query.append("open", id);
    }
    return query.size ? `?${query}` : "";
  }

  const anchor = () => location.hash.slice(1).split("?")[0];
  const address = () => `#${anchor()}${writeView()}`;

  // After every change that the reader makes; each is a step that the back button undoes.
  function changed() {
    view.open = unfolded();
    show();
    if (address() !== (location.hash || "#")) history.pushState({ ours: true }, "", address());
  }

  // After loading, going back or following a link of the page. A link says where to go and
  // nothing about the view, which then stays; the entries of `changed` and a pasted address do.
  function restore() {
    const fresh = history.state === null;
    const query = location.hash.split("?")[1];
    if (!fresh || query !== undefined) view = readView(query ?? "");
    else view.open = unfolded();
    history.replaceState({ ours: true }, "", location.hash || writeView() ? address() : "");
    show();
    if (fresh && query !== undefined) document.getElementById(anchor())?.scrollIntoView();
  }

  function show() {
    ask(null);
    tables.forEach(showTable);
    figures.forEach(showFigure);
    for (const button of all(".legend button[value]")) {
      button.setAttribute("aria-pressed", String(!view.hidden.has(button.value)));
    }
    everyone.disabled = view.hidden.size === 0;
  }

  // ---------------------------------------------------------------- tables

  const inWords = new Intl.Collator("en", { numeric: true }).compare;
  const NUMBER = /^[+\u2212-]?\d[\d,]*(\.\d+)?(\s*%)?$/;

  // A cell's own words, without the small print below them.
  function wordsOf(cell) {
    const own = [...cell.childNodes].filter((node) => !node.classList?.contains("note"));
    return own.map((node) => node.textContent).join("").trim();
  }

  function numberOf(cell) {
    if (cell.dataset.sort !== undefined) return Number(cell.dataset.sort);
    const words = wordsOf(cell);
    if (!cell.classList.contains("n") || !NUMBER.test(words)) return NaN;
    return Number(words.replace("\u2212", "-").replace(/[,%\s]/g, ""));
  }

  // By number where the column has any (what has none comes last, either way), else by words.
  // Equal rows keep the page's order.
  function sorted(rows, { column, down }) {
    const numbers = new Map(rows.map((row) => [row, numberOf(row.cells[column])]));
    const missing = (row) => Number.isNaN(numbers.get(row));
    const way = down ? -1 : 1;
    if (rows.every(missing)) {
      const words = new Map(rows.map((row) => [row, wordsOf(row.cells[column])]));
      return [...rows].sort((a, b) => way * inWords(words.get(a), words.get(b)));
    }
    return [...rows].sort((a, b) =>
      missing(a) || missing(b)
        ? missing(a) - missing(b)
        : way * (numbers.get(a) - numbers.get(b)),
    );
  }

  function showTable(table) {
    const sort = view.sorts.get(table.id);
    const rows = sort ? sorted(table.rows, sort) : table.rows;
    const moved = rows.some((row, place) => row !== table.body.rows[place]);
    if (moved) table.body.append(...rows);
    table.heads.forEach((head, column) => {
      if (sort?.column !== column) head.removeAttribute("aria-sort");
      else head.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
    });
    for (const [column, select] of table.selects) {
      select.value = view.filters.get(`${table.id}.${column + 1}`) ?? "";
    }
    for (const row of table.rows) row.classList.toggle("off", !wanted(table, row));
    const n = table.rows.filter((row) => !row.classList.contains("off")).length;
    if (table.count) table.count.textContent = `${n} of ${table.rows.length} rows`;
    if (table.fold) table.fold.open = view.open.has(table.id);
  }

  function wanted(table, row) {
    if (view.hidden.has(row.dataset.series)) return false;
    return [...table.selects].every(
      ([column, select]) => !select.value || wordsOf(row.cells[column]) === select.value,
    );
  }

  // Up, down, the page's own order.
  function sortBy(table, column) {
    const now = view.sorts.get(table.id);
    if (now?.column !== column) view.sorts.set(table.id, { column, down: false });
    else if (!now.down) view.sorts.set(table.id, { column, down: true });
    else view.sorts.delete(table.id);
    changed();
  }

  function addSorting(table) {
    if (!("sortable" in table.element.dataset) || table.rows.length < 2) return;
    table.heads.forEach((head, column) => {
      const button = make("button", { type: "button", class: "sort" }, head.firstChild);
      button.addEventListener("click", () => sortBy(table, column));
      head.prepend(button);
    });
  }

  function addFilters(table) {
    const tools = make("div", { class: "tools" });
    table.heads.forEach((head, column) => {
      if (head.dataset.filter === undefined) return;
      const counts = new Map();
      for (const row of table.rows) {
        const value = wordsOf(row.cells[column]);
        if (value) counts.set(value, (counts.get(value) ?? 0) + 1);
      }
      if (counts.size < 2) return; // nothing to choose from
      const options = [...counts].map(([value, n]) => make("option", { value }, `${value} (${n})`));
      const select = make("select", {}, make("option", { value: "" }, "all"), ...options);
      select.addEventListener("change", () => {
        view.filters.set(`${table.id}.${column + 1}`, select.value);
        changed();
        say(table.count.textContent);
      });
      table.selects.set(column, select);
      tools.append(make("label", {}, `${head.dataset.filter} `, select));
    });
    if (table.selects.size === 0) return;
    table.count = make("span", { class: "count" });
    tools.append(table.count);
    table.element.closest(".scroll").before(tools);
  }

  // As the page has it: browsers unfold what a link leads to, and tell of each fold only later.
  function unfolded() {
    return new Set(tables.filter(({ fold }) => fold?.open).map(({ id }) => id));
  }

  function addFolding(table) {
    table.fold?.addEventListener("toggle", () => {
      if (table.fold.open !== view.open.has(table.id)) changed(); // else it was `showTable`
    });
  }

  // ---------------------------------------------------------------- architectures

  // The legend's entries become buttons: pressed is shown.
  function addHiding() {
    if (!legend) return;
    const list = legend.querySelector("ul");
    for (const item of all("[data-name]", list)) {
      const button = make("button", { type: "button", value: item.dataset.name });
      button.append(...item.childNodes);
      item.append(button);
      button.addEventListener("click", () => {
        if (!view.hidden.delete(button.value)) view.hidden.add(button.value);
        changed();
      });
    }
    everyone.addEventListener("click", () => {
      view.hidden.clear();
      changed();
      legend.querySelector("button").focus(); // a disabled button cannot keep the focus
    });
    list.append(make("li", {}, everyone));
    legend.classList.add("live");
  }

  // Anchors stop below what sticks to the top.
  function leaveRoom() {
    document.documentElement.style.setProperty("--legend", `${legend?.offsetHeight ?? 0}px`);
  }

  function showFigure(figure) {
    const marks = all(".mark", figure);
    const hidden = (mark) => view.hidden.has(mark.dataset.series);
    for (const mark of marks) mark.classList.toggle("off", hidden(mark));
    figure.classList.toggle("off", marks.every(hidden)); // axes around nothing help nobody
  }

  // ---------------------------------------------------------------- marks that speak

  let asked = null; // the mark whose words are shown
  let spot = { x: 0, y: 0 }; // where on it, from its box's corner
  const NEAR = [0, 3, 6, 9]; // CSS pixels: a thin line is hard to hit

  function ask(mark, pointer = null) {
    asked?.classList.remove("lit");
    if (asked !== mark) say(mark?.dataset.tip ?? "");
    asked = mark;
    tip.hidden = mark === null;
    if (mark === null) return;
    mark.classList.add("lit");
    tip.textContent = mark.dataset.tip;
    const box = mark.getBoundingClientRect();
    const wide = pointer !== null && Math.max(box.width, box.height) > 24;
    spot = wide
      ? { x: pointer.clientX - box.x, y: pointer.clientY - box.y }
      : { x: box.width / 2, y: box.height / 2 };
    placeTip();
  }

  // Above the mark where there is room, else below, and never out of the window.
  function placeTip() {
    if (asked === null) return;
    const box = asked.getBoundingClientRect();
    const [x, y, gap] = [box.x + spot.x, box.y + spot.y, 14];
    const { width, height } = tip.getBoundingClientRect();
    const most = document.documentElement.clientWidth - width - 8;
    const above = y - height - gap;
    const top = above >= 8 ? above : y + gap;
    tip.style.left = `${Math.max(8, Math.min(x - width / 2, most))}px`;
    tip.style.top = `${Math.max(8, Math.min(top, innerHeight - height - 8))}px`;
  }

  // The mark under the pointer, else one close by.
  function markNear(x, y) {
    for (const distance of NEAR) {
      for (let step = 0; step < (distance ? 8 : 1); step += 1) {
        const [dx, dy] = [Math.cos((step * Math.PI) / 4), Math.sin((step * Math.PI) / 4)];
        const element = document.elementFromPoint(x + distance * dx, y + distance * dy);
        const mark = element?.closest(".mark");
        if (mark) return mark;
      }
    }
    return null;
  }

  const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

  function walk(figure, event) {
    const marks = all(".mark", figure).filter((mark) => mark.checkVisibility());
    const last = marks.length - 1;
    const here = marks.indexOf(asked);
    let next;
    if (event.key in STEPS) next = here < 0 && STEPS[event.key] < 0 ? last : here + STEPS[event.key];
    else if (event.key === "Home") next = 0;
    else if (event.key === "End") next = last;
    else return;
    event.preventDefault(); // the page does not scroll
    const mark = marks[Math.max(0, Math.min(next, last))];
    mark?.scrollIntoView({ block: "nearest", inline: "nearest" });
    ask(mark ?? null);
  }

  function addAsking(figure) {
    figure.tabIndex = 0;
    figure.setAttribute("aria-describedby", "walking");
    figure.addEventListener("keydown", (event) => walk(figure, event));
    figure.addEventListener("blur", () => ask(null));
    figure.addEventListener("pointerleave", () => ask(null));
    for (const kind of ["pointermove", "pointerdown"]) {
      figure.addEventListener(kind, (event) => {
        const mark = markNear(event.clientX, event.clientY);
        if (mark !== asked) ask(mark, event);
      });
    }
  }

  // A number of a document says what became of it; a finger follows the link instead.
  function addTelling(link) {
    link.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "mouse") ask(link, event);
    });
    link.addEventListener("pointerleave", () => ask(null));
    link.addEventListener("focus", () => link.matches(":focus-visible") && ask(link));
    link.addEventListener("blur", () => ask(null));
  }

  // ---------------------------------------------------------------- the bar

  function closeMenus(but = null) {
    for (const menu of all(".bar details[open]")) if (menu !== but) menu.open = false;
  }

  // ---------------------------------------------------------------- all together

  const walking = make("p", { id: "walking", hidden: "" }, "Arrow keys walk the marks, Escape leaves them.");
  document.body.append(spoken, tip, walking);
  tables.forEach(addFilters);
  tables.forEach(addSorting);
  tables.forEach(addFolding);
  figures.forEach(addAsking);
  all("a[data-tip]").forEach(addTelling);
  addHiding();
  leaveRoom();
  restore();

  addEventListener("hashchange", restore);
  addEventListener("scroll", placeTip, { passive: true });
  addEventListener("resize", placeTip);
  addEventListener("resize", leaveRoom);
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    ask(null);
    const menu = document.activeElement?.closest(".bar details[open]");
    closeMenus();
    menu?.querySelector("summary").focus();
  });
  addEventListener("click", (event) => {
    const link = event.target.closest(".bar details a");
    closeMenus(link ? null : event.target.closest(".bar details"));
  });
}

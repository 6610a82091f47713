// The report's pages in the browser: tables that sort, filter and page, collapsible sections, and the colour scheme.
//
// Data comes from classic scripts (tables/*.js) that call window.thriftIndex and window.thriftShard: unlike fetch() that works
// from file:// too. Whatever a cluster says is written with textContent or setAttribute, never as markup.
// The state (filter, sort, page, collapsed sections) lives in the URL's fragment, so that a link shows what its sender saw.
(function () {
  "use strict";

  var NUMERIC = { int: 1, cpu: 1, mem: 1, money: 1, rate: 1, pct: 1, bar: 1, status: 1 };
  var SIZES = [25, 50, 100, 250];
  var SVG = "http://www.w3.org/2000/svg";
  var collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  function make(tag, attributes, text) {
    var element = document.createElement(tag);
    for (var name in attributes || {}) element.setAttribute(name, attributes[name]);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  // ---- state in the fragment ------------------------------------------------------------------------------------------

  var state = {
    read: function () {
      var fragment = location.hash.slice(1);
      return new URLSearchParams(fragment.indexOf("=") < 0 ? "" : fragment);
    },
    write: function (changes) {
      var parameters = state.read();
      Object.keys(changes).forEach(function (key) {
        if (changes[key] === "" || changes[key] === null) parameters.delete(key);
        else parameters.set(key, changes[key]);
      });
      var text = parameters.toString();
      history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
    },
  };

  // ---- numbers, written exactly as the server-rendered rows write them ---------------------------------------------------

  function grouped(number, digits) {
    var parts = Math.abs(number).toFixed(digits).split(".");
    parts[0] = parts[0].replace(/\B(?=(\d{3})+$)/g, ",");
    return (number < 0 ? "-" : "") + parts.join(".");
  }

  function oneDigit(number) {
    return (Math.floor(number * 10 + 0.5) / 10).toFixed(1).replace(/\.0$/, "");
  }

  var format = {
    text: String,
    int: function (v) { return grouped(v, 0); },
    cpu: function (v) { return grouped(v, v < 10 ? 3 : v < 100 ? 2 : 1); },
    mem: function (v) {
      var units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"], unit = 0;
      while (v >= 1024 && unit < 5) { v /= 1024; unit++; }
      return oneDigit(v) + " " + units[unit];
    },
    money: function (v) { return grouped(v, 2); },
    rate: function (v) { return grouped(v, 4); },
    pct: function (v) { return oneDigit(v * 100) + " %"; },
    status: function (v) { return v === 999 ? "no answer" : v ? String(v) : "not checked"; },
    bool: function (v) { return v ? "Yes" : "No"; },
  };

  // ---- shards -------------------------------------------------------------------------------------------------------------

  var index = null, indexWaiters = [], tables = {};

  function load(url, failed) {
    var script = make("script", { src: url });
    script.onerror = failed;
    document.head.appendChild(script);
  }

  window.thriftIndex = function (entries) {
    index = entries;
    indexWaiters.splice(0).forEach(function (waiter) { waiter(); });
  };

  window.thriftShard = function (name, number, data) {
    var table = tables[name];
    if (!table || table.shards[number].data) return;
    table.shards[number].data = data;
    table.shards[number].waiters.splice(0).forEach(function (waiter) { waiter(); });
  };

  function withIndex(then, failed) {
    if (index) return then();
    indexWaiters.push(then);
    // The minute in the query keeps a cached index from meeting newer shards.
    if (indexWaiters.length === 1) load("tables/index.js?" + Math.floor(Date.now() / 60000), failed);
  }

  function withShards(name, numbers, then, failed) {
    var entry = index[name];
    if (!entry) return failed();
    if (!tables[name]) {
      tables[name] = { shards: { words: { data: null, waiters: [], asked: false } } };
      for (var i = 0; i < entry.shards; i++) tables[name].shards[i] = { data: null, waiters: [], asked: false };
    }
    var missing = ["words"].concat(numbers).filter(function (n) { return !tables[name].shards[n].data; });
    var left = missing.length;
    if (!left) return then();
    missing.forEach(function (n) {
      var shard = tables[name].shards[n];
      shard.waiters.push(function () { if (--left === 0) then(); });
      if (!shard.asked) {
        shard.asked = true;
        load("tables/" + name + "-" + n + ".js?" + entry.version, function () { shard.asked = false; shard.waiters = []; failed(); });
      }
    });
  }

  // Rows held in shards. Row numbers run over the whole table in its own order.
  function ShardSource(table) {
    this.name = table.dataset.src;
    this.where = null;
    if (table.dataset.where) {
      this.where = {};
      var where = this.where;
      new URLSearchParams(table.dataset.where).forEach(function (value, key) { where[key] = value; });
    }
    this.total = Number(table.dataset.rows);
    this.columns = {};
  }

  ShardSource.prototype.needs = function (from, to, whole) {
    var entry = index[this.name], numbers = [];
    if (!entry) return [0];
    if (whole || this.where) { from = 0; to = entry.rows; }
    for (var n = Math.floor(from / entry.size); n * entry.size < to && n < entry.shards; n++) numbers.push(n);
    return numbers;
  };

  ShardSource.prototype.prepare = function (from, to, whole, then, failed) {
    var source = this;
    withIndex(function () {
      withShards(source.name, source.needs(from, to, whole), then, failed);
    }, failed);
  };

  // A shard holds columns; where a column's texts repeat it holds their places among the table's words. Memory is in KiB.
  ShardSource.prototype.cell = function (key, row) {
    var table = tables[this.name].shards, size = index[this.name].size;
    var column = table[Math.floor(row / size)].data[key], words = table.words.data[key];
    if (!column) return null;
    var value = column[row % size];
    if (words) return words.d[value];
    return typeof value === "number" && key.indexOf("memory_") === 0 ? value * 1024 : value;
  };

  // The page of a cell, where it is not simply made of the ids.
  ShardSource.prototype.link = function (key, row) {
    var table = tables[this.name].shards, size = index[this.name].size, words = table.words.data[key];
    return words && words.h ? words.h[table[Math.floor(row / size)].data[key][row % size]] : undefined;
  };

  // The rows that belong to this page: all of the table, or those that `where` names.
  ShardSource.prototype.rows = function () {
    var source = this, count = index[this.name].rows, kept = [];
    for (var row = 0; row < count; row++) {
      var fits = true;
      for (var key in source.where || {}) {
        if (String(source.cell(key, row)) !== source.where[key]) { fits = false; break; }
      }
      if (fits) kept.push(row);
    }
    return kept;
  };

  // Rows that are all on the page already.
  function PageSource(table, columns) {
    var rows = Array.prototype.slice.call(table.tBodies[0].rows);
    this.elements = rows;
    this.total = rows.length;
    this.position = {};
    var position = this.position;
    columns.forEach(function (column, n) { position[column.key] = n; });
  }

  PageSource.prototype.prepare = function (from, to, whole, then) { then(); };
  PageSource.prototype.rows = function () { return this.elements.map(function (_, n) { return n; }); };
  PageSource.prototype.cell = function (key, row) {
    var cell = this.elements[row].cells[this.position[key]];
    if (!cell) return null;
    if (cell.dataset.v !== undefined) return cell.dataset.v === "" ? null : Number(cell.dataset.v);
    return cell.classList.contains("unknown") ? null : cell.textContent.trim();
  };

  // ---- one table ----------------------------------------------------------------------------------------------------------

  function DataTable(element) {
    this.element = element;
    this.id = element.id;
    this.title = element.closest(".table-wrap").getAttribute("aria-label").toLowerCase();
    this.body = element.tBodies[0];
    this.firstRows = Array.prototype.slice.call(this.body.rows);
    this.columns = Array.prototype.map.call(element.tHead.rows[0].cells, function (cell) {
      var said = (cell.dataset.k || "").split(":"), page = (cell.dataset.p || "").split(":");
      return {
        key: said[0], type: said[1] || "text", unit: said[2], parts: (said[3] || "").split(","), head: cell,
        page: page[0], ids: (page[1] || "").split(","),
      };
    });
    this.source = element.dataset.src && Number(element.dataset.rows) > this.firstRows.length
      ? new ShardSource(element) : new PageSource(element, this.columns);
    this.paged = this.source instanceof ShardSource;
    this.size = Number(element.dataset.size) || 50;
    // Pages of a large report come with few rows or none. The others are loaded once the table comes into view.
    this.bare = this.paged && this.firstRows.length < Math.min(this.size, this.source.total);
    this.links = element.dataset.links ? JSON.parse(element.dataset.links) : [];
    this.defaultSort = element.dataset.sort || "";
    this.keys = {};
    this.turn = 0;
    this.addControls();
    this.restore();
  }

  DataTable.prototype.addControls = function () {
    var table = this, wrap = this.element.closest(".table-wrap");
    this.sortButtons();
    this.status = make("p", { class: "table-status", role: "status", "aria-live": "polite" });
    this.input = make("input", { type: "search", autocomplete: "off", spellcheck: "false", placeholder: "text, team:shop, cost>10" });
    if (!this.paged && this.firstRows.length < 6) return;
    var bar = make("div", { class: "table-bar" });
    var label = make("label", { class: "filter" });
    this.input.setAttribute("aria-label", "Filter " + this.title);
    label.appendChild(this.input);
    bar.appendChild(label);
    bar.appendChild(this.status);
    wrap.parentNode.insertBefore(bar, wrap);
    var timer = 0;
    this.input.addEventListener("input", function () {
      clearTimeout(timer);
      timer = setTimeout(function () { table.change({ q: table.input.value.trim(), page: 1 }); }, 150);
    });
    if (this.paged) this.addPager(wrap);
  };

  DataTable.prototype.sortButtons = function () {
    var table = this;
    this.columns.forEach(function (column) {
      if (!column.key || column.type === "links") return;
      var button = make("button", { type: "button", class: "sort" });
      while (column.head.firstChild) button.appendChild(column.head.firstChild);
      column.head.appendChild(button);
      button.addEventListener("click", function () { table.change({ sort: table.nextSort(column), page: 1 }); });
    });
  };

  DataTable.prototype.addPager = function (wrap) {
    var table = this, pager = make("nav", { class: "pager", "aria-label": "Pages of " + this.title });
    function button(text, label, target) {
      var one = make("button", { type: "button", "aria-label": label }, text);
      one.addEventListener("click", function () { table.change({ page: target() }); });
      pager.appendChild(one);
      return one;
    }
    this.buttons = {
      first: button("«", "First page", function () { return 1; }),
      previous: button("‹", "Previous page", function () { return table.view.page - 1; }),
    };
    this.position = make("span", { class: "position" });
    pager.appendChild(this.position);
    this.buttons.next = button("›", "Next page", function () { return table.view.page + 1; });
    this.buttons.last = button("»", "Last page", function () { return table.pages; });
    var label = make("label", {}, "Rows "), select = (this.select = make("select"));
    SIZES.concat(SIZES.indexOf(this.size) < 0 ? [this.size] : []).sort(function (a, b) { return a - b; }).forEach(function (size) { select.appendChild(make("option", { value: size }, String(size))); });
    select.addEventListener("change", function () { table.change({ size: Number(select.value), page: 1 }); });
    label.appendChild(select);
    pager.appendChild(label);
    wrap.parentNode.insertBefore(pager, wrap.nextSibling);
  };

  // A first click sorts numbers from the largest and text from A; the next click turns it round.
  DataTable.prototype.nextSort = function (column) {
    var down = "-" + column.key;
    if (this.view.sort === down) return column.key;
    if (this.view.sort === column.key) return down;
    return NUMERIC[column.type] ? down : column.key;
  };

  DataTable.prototype.restore = function () {
    var parameters = state.read(), id = this.id;
    function get(name) { return parameters.get(id + "." + name); }
    var size = Number(get("size"));
    this.view = {
      q: get("q") || "",
      sort: get("sort") || this.defaultSort,
      page: Math.max(1, parseInt(get("page"), 10) || 1),
      size: SIZES.indexOf(size) >= 0 ? size : this.size,
    };
    this.input.value = this.view.q;
    this.show();
  };

  DataTable.prototype.change = function (changes) {
    for (var key in changes) this.view[key] = changes[key];
    var view = this.view, written = {};
    written[this.id + ".q"] = view.q;
    written[this.id + ".sort"] = view.sort === this.defaultSort ? "" : view.sort;
    written[this.id + ".page"] = view.page > 1 ? view.page : "";
    written[this.id + ".size"] = view.size === this.size ? "" : view.size;
    state.write(written);
    this.show();
  };

  DataTable.prototype.isFirst = function () {
    var view = this.view;
    return !view.q && view.sort === this.defaultSort && view.page === 1 && view.size === this.size;
  };

  DataTable.prototype.show = function () {
    var table = this, view = this.view, turn = ++this.turn;
    this.markSort();
    if (this.isFirst() && (!this.bare || !this.inView)) {
      if (this.bare) this.waitForView();
      return this.fill(this.firstRows, this.source.total, 1);
    }
    var whole = Boolean(view.q) || view.sort !== this.defaultSort, from = (view.page - 1) * view.size;
    this.status.textContent = "Loading…";
    this.source.prepare(from, from + view.size, whole, function () {
      if (turn === table.turn) table.render(whole, from);
    }, function () {
      table.status.textContent = "The table's data could not be loaded (folder tables/).";
    });
  };

  DataTable.prototype.waitForView = function () {
    var table = this;
    if (this.observer) return;
    this.observer = new IntersectionObserver(function (entries) {
      if (!entries.some(function (entry) { return entry.isIntersecting; })) return;
      table.observer.disconnect();
      table.inView = true;
      if (table.isFirst()) table.show();
    }, { rootMargin: "200px" });
    this.observer.observe(this.element.closest(".table-wrap"));
  };

  DataTable.prototype.render = function (whole, from) {
    var table = this, view = this.view, rows;
    if (!whole && this.paged && !this.source.where) {
      // The table's own order: only the shards of this page were loaded.
      rows = [];
      for (var row = from; row < Math.min(from + view.size, this.source.total); row++) rows.push(row);
      return this.fill(rows.map(function (one) { return table.makeRow(one); }), this.source.total, view.page);
    }
    rows = this.sorted(this.filtered(this.allRows()));
    var shown = rows;
    if (this.paged) {
      view.page = Math.min(view.page, Math.max(1, Math.ceil(rows.length / view.size)));
      from = (view.page - 1) * view.size;
      shown = rows.slice(from, from + view.size);
    }
    this.fill(shown.map(function (one) {
      return table.paged ? table.makeRow(one) : table.source.elements[one];
    }), rows.length, view.page);
  };

  DataTable.prototype.allRows = function () {
    return (this.everything = this.everything || this.source.rows());
  };

  DataTable.prototype.fill = function (elements, count, page) {
    var fragment = document.createDocumentFragment();
    elements.forEach(function (element) { fragment.appendChild(element); });
    if (!elements.length && !count) {
      var cell = make("td", { colspan: this.columns.length, class: "none" }, "No row fits this filter.");
      fragment.appendChild(make("tr")).appendChild(cell);
    }
    this.body.replaceChildren(fragment);
    var total = this.source.total;
    this.status.textContent = count === total ? grouped(total, 0) + (total === 1 ? " row" : " rows")
      : grouped(count, 0) + " of " + grouped(total, 0) + " rows";
    if (!this.paged) return;
    this.pages = Math.max(1, Math.ceil(count / this.view.size));
    this.position.textContent = "Page " + grouped(page, 0) + " of " + grouped(this.pages, 0);
    this.buttons.first.disabled = this.buttons.previous.disabled = page <= 1;
    this.buttons.next.disabled = this.buttons.last.disabled = page >= this.pages;
    this.select.value = String(this.view.size);
  };

  DataTable.prototype.markSort = function () {
    var sort = this.view.sort;
    this.columns.forEach(function (column) {
      if (sort === column.key) column.head.setAttribute("aria-sort", "ascending");
      else if (sort === "-" + column.key) column.head.setAttribute("aria-sort", "descending");
      else column.head.removeAttribute("aria-sort");
    });
  };

  // ---- filtering ----------------------------------------------------------------------------------------------------------

  // Words must all occur. `column:word` looks in one column, `column>number` and `column<number` compare.
  DataTable.prototype.tests = function () {
    var table = this, names = {};
    this.columns.forEach(function (column) { if (column.key) names[column.key] = column; });
    var words = this.view.q.match(/(?:[\w-]+[:<>])?"[^"]*"|\S+/g) || [];
    return words.map(function (word) {
      var parts = /^([\w-]+)([:<>])(.+)$/.exec(word), column = parts && names[parts[1]];
      var text = (column ? parts[3] : word).replace(/"/g, "").toLowerCase();
      if (column && parts[2] !== ":") {
        var limit = Number(text), above = parts[2] === ">", key = table.key(column);
        return function (row) { var v = key(row); return typeof v === "number" && (above ? v > limit : v < limit); };
      }
      var searched = column ? [column] : table.columns.filter(function (one) { return one.key && !NUMERIC[one.type] && one.type !== "links"; });
      return function (row) {
        return searched.some(function (one) {
          var v = table.source.cell(one.key, row);
          if (v === null || v === undefined) return false;
          // On a page of rows the cell holds text already; in a shard it holds the value.
          return (format[one.type] && typeof v !== "string" ? format[one.type](v) : String(v)).toLowerCase().indexOf(text) >= 0;
        });
      };
    });
  };

  DataTable.prototype.filtered = function (rows) {
    if (!this.view.q) return rows;
    var tests = this.tests();
    return rows.filter(function (row) {
      for (var n = 0; n < tests.length; n++) if (!tests[n](row)) return false;
      return true;
    });
  };

  // ---- sorting ------------------------------------------------------------------------------------------------------------

  var UNITS = { B: 1, KiB: 1024, MiB: 1048576, GiB: 1073741824, TiB: 1099511627776 };

  function numberOf(value) {
    if (typeof value === "number") return value;
    if (value === null || value === undefined) return null;
    var match = /^(-?[\d,]+(?:\.\d+)?)\s*([KMGTP]?i?B)?/.exec(value);
    return match ? Number(match[1].replace(/,/g, "")) * (UNITS[match[2]] || 1) : null;
  }

  // What a column sorts by: a number, a text, or null for unknown.
  DataTable.prototype.key = function (column) {
    var source = this.source, key = column.key, parts = column.parts;
    if (column.type === "bar" && this.paged) key = parts[0];
    if (NUMERIC[column.type]) return function (row) { return numberOf(source.cell(key, row)); };
    return function (row) { var v = source.cell(key, row); return v === "" ? null : v; };
  };

  DataTable.prototype.sorted = function (rows) {
    var sort = this.view.sort, down = sort.charAt(0) === "-", name = down ? sort.slice(1) : sort;
    var column = this.columns.filter(function (one) { return one.key === name; })[0];
    if (!column) return rows;
    var ranks = this.keys[name] || (this.keys[name] = this.ranks(column));
    var copy = rows.slice();
    // Unknown comes last whichever way the column is sorted; equal rows keep the table's own order.
    copy.sort(function (a, b) {
      var x = ranks[a], y = ranks[b];
      if (x !== x || y !== y) return x !== x ? (y !== y ? a - b : 1) : -1;
      return (down ? y - x : x - y) || a - b;
    });
    return copy;
  };

  // One number per row: the value itself, or the place of a text among the column's different texts (compared once each).
  DataTable.prototype.ranks = function (column) {
    var key = this.key(column), all = this.allRows(), last = all.length ? all[all.length - 1] + 1 : 0;
    var ranks = new Float64Array(last).fill(NaN);
    if (NUMERIC[column.type]) {
      all.forEach(function (row) { var v = key(row); ranks[row] = v === null ? NaN : v; });
      return ranks;
    }
    var places = new Map();
    all.forEach(function (row) { var v = key(row); if (v !== null && v !== undefined) places.set(String(v), 0); });
    Array.from(places.keys()).sort(collator.compare).forEach(function (text, place) { places.set(text, place); });
    all.forEach(function (row) { var v = key(row); if (v !== null && v !== undefined) ranks[row] = places.get(String(v)); });
    return ranks;
  };

  // ---- rows from shards -----------------------------------------------------------------------------------------------------

  DataTable.prototype.makeRow = function (row) {
    var table = this, element = make("tr");
    this.columns.forEach(function (column, n) {
      var cell = make(n === 0 ? "th" : "td", n === 0 ? { scope: "row" } : {});
      if (column.head.classList.contains("long")) cell.className = "long";
      table.fillCell(cell, column, row);
      element.appendChild(cell);
    });
    return element;
  };

  DataTable.prototype.href = function (column, row) {
    if (!column.page) return "";
    var source = this.source, named = source.link(column.key, row);
    if (typeof named === "string") return named;
    return column.page + "-" + column.ids.map(function (key) { return source.cell(key, row); }).join(".") + ".html";
  };

  DataTable.prototype.fillCell = function (cell, column, row) {
    var table = this, value = this.source.cell(column.key, row), href = this.href(column, row);
    if (column.type === "links") return this.fillLinks(cell, row);
    if (column.type === "bar") {
      var values = column.parts.map(function (key) { return table.source.cell(key, row); });
      cell.textContent = [values[0], values[1]].concat(values.slice(3)).map(function (v) {
        return v === null ? "?" : format[column.unit](v);
      }).join(" / ");
      return cell.appendChild(bar(values));
    }
    if (value === null || value === undefined || (value === "" && column.type !== "text")) {
      cell.classList.add("unknown");
      cell.textContent = "unknown";
      return;
    }
    var text = format[column.type](value);
    if (column.type === "status") cell.classList.add(value >= 500 ? "bad" : value >= 200 && value < 400 ? "good" : "neutral");
    if (href) cell.appendChild(make("a", { href: href }, text));
    else cell.textContent = text;
  };

  // used, requested, recommended and, where there is one, what fills the bar.
  function bar(values) {
    var used = values[0], requested = values[1], recommended = values[2];
    var full = values[3] || Math.max(used || 0, requested || 0, recommended || 0) || 1;
    var svg = document.createElementNS(SVG, "svg");
    function rect(name, attribute, value) {
      if (value === null || value === undefined || isNaN(value)) return;
      var one = document.createElementNS(SVG, "rect");
      one.setAttribute("class", name);
      one.setAttribute(attribute, Math.max(0, Math.min(100, (100 * value) / full)).toFixed(1) + "%");
      svg.appendChild(one);
    }
    svg.setAttribute("class", "bar");
    svg.setAttribute("aria-hidden", "true");
    rect("req", "width", requested);
    rect("use", "width", used);
    rect("rec", "x", recommended);
    return svg;
  }

  // ---- custom links -----------------------------------------------------------------------------------------------------------

  function safeHref(href) {
    if (!href || /[\x00-\x20\x7f\\]/.test(href) || href.indexOf("//") === 0) return false;
    var scheme = /^([a-z][a-z0-9+.-]*):/i.exec(href);
    return !scheme || ["http", "https", "mailto"].indexOf(scheme[1].toLowerCase()) >= 0;
  }

  DataTable.prototype.fillLinks = function (cell, row) {
    var source = this.source;
    function field(name) { var v = source.cell(name, row); return v === null || v === undefined ? "" : String(v); }
    this.links.forEach(function (link) {
      var href = link.href.replace(/\{(\w+)\}/g, function (_, name) {
        return encodeURIComponent(field(name)).replace(/%(2F|3A|2C|40)/g, decodeURIComponent)
          .replace(/[!'()*]/g, function (c) { return "%" + c.charCodeAt(0).toString(16).toUpperCase(); });
      });
      if (!safeHref(href)) return;
      var title = link.title.replace(/\{(\w+)\}/g, function (_, name) { return field(name); });
      cell.appendChild(make("a", { href: href, rel: "noopener noreferrer", class: ("custom " + (link.class || "")).trim() }, title));
      cell.appendChild(document.createTextNode(" "));
    });
  };

  // ---- the page around the tables -------------------------------------------------------------------------------------------

  function collapsible() {
    var sections = document.querySelectorAll("details.section");
    function restore() {
      var closed = (state.read().get("collapsed") || "").split(",");
      sections.forEach(function (section) { section.open = closed.indexOf(section.id) < 0; });
    }
    sections.forEach(function (section) {
      section.addEventListener("toggle", function () {
        var closed = Array.prototype.filter.call(sections, function (one) { return !one.open; });
        state.write({ collapsed: closed.map(function (one) { return one.id; }).join(",") });
      });
    });
    if (state.read().get("collapsed")) restore();
    window.addEventListener("beforeprint", function () { sections.forEach(function (section) { section.open = true; }); });
    return restore;
  }

  function themeButton() {
    var button = document.getElementById("theme");
    if (!button) button = document.querySelector(".top").appendChild(make("button", { id: "theme", type: "button" }));
    var root = document.documentElement, dark = window.matchMedia("(prefers-color-scheme: dark)");
    function isDark() { return root.dataset.theme ? root.dataset.theme === "dark" : dark.matches; }
    function label() {
      button.textContent = isDark() ? "Light" : "Dark";
      button.setAttribute("aria-label", isDark() ? "Switch to light colours" : "Switch to dark colours");
    }
    button.hidden = false;
    button.addEventListener("click", function () {
      root.dataset.theme = isDark() ? "light" : "dark";
      try { localStorage.setItem("kube-thrift-theme", root.dataset.theme); } catch (refused) { /* kept for this page only */ }
      label();
    });
    dark.addEventListener("change", label);
    label();
  }

  // Only one explanation is open at a time, and Escape closes it.
  function explanations() {
    document.addEventListener("toggle", function (event) {
      if (!event.target.matches("details.why") || !event.target.open) return;
      document.querySelectorAll("details.why[open]").forEach(function (one) { if (one !== event.target) one.open = false; });
    }, true);
    document.addEventListener("keydown", function (event) {
      if (event.key !== "Escape") return;
      var open = document.querySelector("details.why[open]");
      if (open) { open.open = false; open.querySelector("summary").focus(); }
    });
    document.addEventListener("click", function (event) {
      if (!event.target.closest("details.why")) {
        document.querySelectorAll("details.why[open]").forEach(function (one) { one.open = false; });
      }
    });
  }

  // A compact page leaves the heading of its tables to us: the columns of that table but those that the page itself stands for.
  function makeHead(element, table) {
    var wrap = element.closest(".table-wrap"), attributes = { role: "region", "aria-label": table.title, tabindex: "0" };
    for (var name in attributes) wrap.setAttribute(name, attributes[name]);
    element.dataset.sort = table.sort;
    var fixed = new URLSearchParams(element.dataset.where), row = make("tr"), border = 0, flags = [];
    table.columns.forEach(function (field) {
      if (fixed.has(field[2])) return;
      var cell = make("th", { scope: "col", "data-k": field[2] }, field[0]);
      if (field[3]) cell.dataset.p = field[3];
      if (field[1]) cell.appendChild(make("small", {}, field[1]));
      row.appendChild(cell);
      flags.push(field[2].indexOf(":") < 0);
      if (flags[flags.length - 1]) border = flags.length;
    });
    element.className = "t" + border + (border > 2 && !flags[1] ? " cost-first" : "");
    element.deleteCaption();
    element.createTHead().appendChild(row);
    element.createTBody();
  }

  var shown = [];

  function startTables(heads) {
    document.querySelectorAll("table[data-table]").forEach(function (element) {
      if (shown.some(function (one) { return one.element === element; })) return;
      if (!element.tHead) {
        if (!heads || !heads[element.id]) return;
        makeHead(element, heads[element.id]);
      }
      shown.push(new DataTable(element));
    });
  }

  // What is the same on all pages but only known when the report is made: its time and, for compact pages, the navigation.
  window.thriftRun = function (run) {
    var slot = document.getElementById("run"), nav = document.getElementById("nav");
    if (slot) slot.textContent = "Data of " + run.time;
    startTables(run.heads);
    if (!document.querySelector("body > footer")) {
      document.body.appendChild(make("footer")).appendChild(make("div", {}, "kube-thrift " + run.version + " · Data of " + run.time));
    }
    if (!nav) return;
    nav.setAttribute("aria-label", "Main");
    var list = nav.appendChild(make("ul"));
    run.navigation.forEach(function (entry) {
      var link = make("a", { href: entry[1] }, entry[0]);
      if (document.querySelector('.crumbs a[href="' + entry[1] + '"]')) link.setAttribute("aria-current", "true");
      list.appendChild(make("li")).appendChild(link);
    });
  };

  document.querySelectorAll("[data-bar]").forEach(function (one) {
    var values = Array.prototype.map.call(one.querySelectorAll("dd"), function (dd) { return numberOf(dd.textContent); });
    one.insertBefore(bar(values), one.querySelector("dl"));
  });
  themeButton();
  explanations();
  var restoreSections = collapsible();
  startTables(null);
  window.addEventListener("hashchange", function () {
    shown.forEach(function (table) { table.restore(); });
    restoreSections();
  });
  load("tables/run.js?" + Math.floor(Date.now() / 60000));
  document.documentElement.dataset.ready = "yes";
})();

'use strict';
(() => {
  const $ = (id) => document.getElementById(id);
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const data = JSON.parse($('data').textContent);
  const duration = data.duration;
  for (const node of all('.js')) node.hidden = node.id === 'no-match';

  const clock = (seconds) => {
    const tenths = Math.round(Math.max(0, seconds) * 10);
    const s = Math.floor(tenths / 10), pad = (n) => String(n).padStart(2, '0');
    const tail = `${pad(s % 60)}.${tenths % 10}`;
    return s >= 3600 ? `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}:${tail}` : `${Math.floor(s / 60)}:${tail}`;
  };
  const el = (name, className, text) => {
    const node = document.createElement(name);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };

  const plot = $('plot'), scroll = $('scroll'), readout = $('readout'), inspector = $('inspector');
  const bars = all('.bar', plot), rows = all('#table tbody tr');
  const rowOf = new Map(rows.map((row) => [row.dataset.row, row]));
  const barOf = new Map(bars.map((bar) => [bar.dataset.row, bar]));
  const chosenFirst = [...bars].sort((a, b) => a.dataset.row - b.dataset.row);

  // The card of a candidate: what its row of the table says, laid out wide.
  let selected = null;
  const select = (key) => {
    const row = rowOf.get(key);
    if (!row || !inspector || selected === key) return;
    if (selected !== null) barOf.get(selected)?.classList.remove('on');
    selected = key;
    barOf.get(key)?.classList.add('on');
    inspector.className = `inspector js ${row.classList[0]}`;
    const kicker = el('p', 'kicker');
    const badge = row.querySelector('.badge').cloneNode(true);
    const id = el('a', '', row.querySelector('.id').textContent);
    id.href = `#c${key}`;
    kicker.append(badge, ' · ', row.querySelector('.code').textContent, ' · ', id, ' · ', row.querySelector('.at').textContent, ` · ${Number(row.dataset.length).toFixed(1)} s`);
    const title = el('p', 'title', row.querySelector('summary').textContent);
    title.dir = 'auto';
    const reason = el('p', 'because');
    reason.append(...row.querySelector('.reason').cloneNode(true).childNodes);
    inspector.replaceChildren(kicker, title, reason, ...row.querySelector('.more').cloneNode(true).childNodes);
  };

  // One stop for the tab key; arrow keys walk through the bars in order of time.
  const visible = () => chosenFirst.filter((bar) => !bar.classList.contains('off'));
  const stop = (bar) => {
    for (const other of bars) other.setAttribute('tabindex', other === bar ? '0' : '-1');
  };
  if (bars.length) stop(bars[0]);
  for (const bar of bars) {
    bar.addEventListener('pointerenter', () => select(bar.dataset.row));
    bar.addEventListener('focus', () => { stop(bar); select(bar.dataset.row); });
  }
  plot.addEventListener('keydown', (event) => {
    const list = visible(), at = list.indexOf(event.target.closest('.bar'));
    const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    let next = null;
    if (move && at >= 0) next = list[Math.min(list.length - 1, Math.max(0, at + move))];
    if (event.key === 'Home') next = list[0];
    if (event.key === 'End') next = list[list.length - 1];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });

  // Filters: two forms that always show the same state.
  const forms = all('form.filters');
  const haystack = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const apply = (form) => {
    for (const other of forms) {
      if (other === form) continue;
      for (const field of form.elements) {
        const twin = field.name && other.elements[field.name];
        if (!twin) continue;
        if (field.type === 'checkbox') twin.checked = field.checked; else twin.value = field.value;
      }
    }
    const query = form.elements.q.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const box = form.elements[row.classList[0]];
      const on = (!box || box.checked) && (!query || haystack.get(row).includes(query));
      row.hidden = !on;
      barOf.get(row.dataset.row)?.classList.toggle('off', !on);
      shown += on ? 1 : 0;
    }
    const text = shown === rows.length ? '' : `${shown} of ${rows.length}`;
    for (const output of all('.shown')) output.textContent = text;
    if ($('no-match')) $('no-match').hidden = shown > 0;
    const current = bars.find((bar) => bar.getAttribute('tabindex') === '0');
    if (current?.classList.contains('off')) stop(visible()[0] ?? null);
  };
  for (const form of forms) {
    form.addEventListener('input', () => apply(form));
    form.addEventListener('submit', (event) => event.preventDefault());
  }
  // A link to a row that the filter hides shows it again; a link to a row always opens its detail.
  const reveal = () => {
    const row = /^#c\d+$/.test(location.hash) && document.querySelector(location.hash);
    if (!row) return;
    if (row.hidden) {
      for (const field of forms[0].elements) if (field.type === 'checkbox') field.checked = true; else if (field.name === 'q') field.value = '';
      apply(forms[0]);
      row.scrollIntoView({ block: 'center' });
    }
    select(row.dataset.row);
  };
  addEventListener('hashchange', reveal);
  reveal();

  // Sorting by a column.
  const body = document.querySelector('#table tbody');
  for (const head of all('#table th[data-key]')) {
    const button = el('button', '', head.textContent);
    button.type = 'button';
    head.replaceChildren(button);
    button.addEventListener('click', () => {
      const key = head.dataset.key, before = head.getAttribute('aria-sort');
      const number = key !== 'verdict';
      const first = number && key !== 'start' ? 'descending' : 'ascending';
      const order = before === null ? first : before === 'ascending' ? 'descending' : 'ascending';
      for (const other of all('#table th[aria-sort]')) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', order);
      const sign = order === 'ascending' ? 1 : -1;
      const value = (row) => row.dataset[key];
      const compare = (a, b) => number ? value(a) - value(b) : value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0;
      body.append(...[...rows].sort((a, b) => sign * compare(a, b) || a.dataset.row - b.dataset.row));
    });
  }

  // Pointing at the plot: the time, and what is being said there.
  const said = all('.said-list li').map((li) => ({
    start: Number(li.dataset.s), end: Number(li.dataset.e), voice: li.querySelector('.who').textContent, text: li.querySelector('.line').textContent,
  }));
  const saidAt = (t) => {
    let low = 0, high = said.length;
    while (low < high) { const mid = (low + high) >> 1; if (said[mid].start <= t) low = mid + 1; else high = mid; }
    const s = said[low - 1];
    return s && t <= s.end + 0.3 ? s : null;
  };
  const resting = readout.textContent;
  const tell = (t, prefix = '') => {
    const s = saidAt(t);
    readout.textContent = `${prefix}${clock(t)}${s ? `  ·  Voice ${s.voice}: “${s.text}”` : ''}`;
  };
  const place = (line, t) => {
    const x = `${Math.min(100, Math.max(0, t / duration * 100))}%`;
    line.setAttribute('x1', x);
    line.setAttribute('x2', x);
  };
  const cross = $('cross'), head = $('head');
  plot.addEventListener('pointermove', (event) => {
    const box = plot.getBoundingClientRect();
    const t = (event.clientX - box.left) / box.width * duration;
    place(cross, t);
    cross.setAttribute('visibility', 'visible');
    tell(t);
  });
  plot.addEventListener('pointerleave', () => {
    cross.setAttribute('visibility', 'hidden');
    readout.textContent = resting;
  });

  // Zoom about the middle of what is seen.
  let zoom = 1;
  const setZoom = (next) => {
    const middle = (scroll.scrollLeft + scroll.clientWidth / 2) / scroll.scrollWidth;
    zoom = Math.min(32, Math.max(1, next));
    plot.style.setProperty('--zoom', zoom);
    plot.classList.toggle('close', zoom >= 4);
    $('zoom-level').textContent = `${zoom}×`;
    $('zoom-out').disabled = zoom === 1;
    $('zoom-in').disabled = zoom === 32;
    scroll.scrollLeft = middle * scroll.scrollWidth - scroll.clientWidth / 2;
  };
  $('zoom-in').addEventListener('click', () => setZoom(zoom * 2));
  $('zoom-out').addEventListener('click', () => setZoom(zoom / 2));
  $('zoom-out').disabled = true;

  // Players: one at a time; the playhead shows where in the source the clip is.
  const videos = all('video');
  const plans = new Map(data.clips.map((clip) => [clip.clip, clip]));
  const sourceAt = (clip, out) => {
    for (let i = clip.keep.length - 1; i >= 0; i--) {
      const [start, end, at] = clip.keep[i];
      if (out >= at) return Math.min(end, start + out - at);
    }
    return clip.start;
  };
  for (const video of videos) {
    const clip = plans.get(video.dataset.clip);
    const strip = video.closest('.clip').querySelector('.strip .head');
    let frame = 0;
    const show = () => {
      if (!clip || clip.offset === null || !clip.keep.length) return;
      const t = sourceAt(clip, video.currentTime - clip.offset);
      for (const line of all('line', head)) place(line, t);
      head.setAttribute('visibility', 'visible');
      if (strip) {
        const x = `${(t - clip.start) / Math.max(0.001, clip.end - clip.start) * 100}%`;
        strip.setAttribute('x1', x);
        strip.setAttribute('x2', x);
        strip.setAttribute('visibility', 'visible');
      }
      if (cross.getAttribute('visibility') === 'hidden') tell(t, `Clip ${clip.rank}  ·  `);
    };
    const run = () => { show(); frame = video.paused ? 0 : requestAnimationFrame(run); };
    video.addEventListener('play', () => {
      for (const other of videos) if (other !== video) other.pause();
      cancelAnimationFrame(frame);
      run();
    });
    video.addEventListener('seeking', show);
  }

  // On paper nothing can be opened.
  let closed = [];
  addEventListener('beforeprint', () => {
    closed = all('main details:not([open])').filter((d) => !d.closest('.inspector, .wide, .candidates') && !d.querySelector('pre, .operations'));
    for (const d of closed) d.open = true;
  });
  addEventListener('afterprint', () => { for (const d of closed) d.open = false; });

  // Something to read before the first pointer arrives: the best clip's own card.
  const best = bars.find((bar) => bar.classList.contains('m-chosen'));
  if (best && selected === null) select(best.dataset.row);
})();

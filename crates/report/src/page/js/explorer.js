// The explorer: controls, read-out, and the hands on the chart (pointer, fingers, keys).

/** Radio buttons in a row; `options` are pairs of a value and its words. */
function segments(legend, name, options, value, choose) {
  const labels = options.map(([option, words]) => {
    const input = make('input', { type: 'radio', name, value: option });
    input.checked = String(option) === String(value);
    input.addEventListener('change', () => choose(option));
    return make('label', {}, input, words);
  });
  return make('fieldset', {}, make('legend', {}, legend), make('div', { class: 'segments' }, ...labels));
}

function selection(words, options, value, choose) {
  const select = make('select');
  for (const [option, text] of options) select.append(new Option(text, option, false, option === value));
  select.addEventListener('change', () => choose(select.value));
  return make('label', { class: 'choice' }, make('span', {}, words), select);
}

function toggle(words, checked, flip) {
  const input = make('input', { type: 'checkbox' });
  input.checked = checked;
  input.addEventListener('change', () => flip(input.checked));
  return make('label', { class: 'switch' }, input, words);
}

function explorer(place, data) {
  const view = makeView(data);
  const fromAddress = fromFragment(view, location.hash);
  const controls = make('div', { class: 'choices' });
  const where = make('p', { class: 'where' });
  const spoken = make('p', { class: 'skip', 'aria-live': 'polite' });
  const list = make('div', { class: 'reading-list' });
  const svg = draw('svg', { tabindex: '0', role: 'application', 'aria-roledescription': 'chart of series' });
  const chart = make('div', { class: 'chart' }, svg);
  const button = (words, act) => {
    const made = make('button', { type: 'button', class: 'tool' }, words);
    made.addEventListener('click', act);
    return made;
  };
  const about = (factor) => () => change(() => zoomAbout(view, (rangeOf(view)[0] + rangeOf(view)[1]) / 2, factor));
  const closer = button('Zoom in', about(0.5));
  const further = button('Zoom out', about(2));
  const reset = button('Whole run', () => change(() => { view.zoom = null; }));
  const hint = make('p', {}, 'Drag to zoom, Shift-drag to move; pinch, or Ctrl and the wheel; with the keyboard the arrows, + and −, 0 for the whole run.');
  place.classList.add('explorer');
  place.append(controls, make('div', { class: 'readings' }, where, list), chart, make('div', { class: 'tools' }, closer, further, reset, hint), spoken);

  let lines = [];
  let scales = null;
  let cross = null;
  let cursor = null;
  let readings = [];

  function change(act) {
    act();
    showControls();
    showChart();
    try { history.replaceState(null, '', toFragment(view)); } catch { /* Some viewers of files forbid it. */ }
  }

  function showControls() {
    const focused = document.activeElement?.closest('.choices') ? [...controls.querySelectorAll('input, select')].indexOf(document.activeElement) : -1;
    const words = (signal) => signal.replace('/', ' · ');
    const statistics = statisticsOf(view);
    const current = data.series[chosen(view)];
    const positive = linesOf(view).every(({ group }) => group.series[chosen(view)].log);
    const logToggle = toggle('Log scale', view.log && positive, (on) => change(() => { view.log = on; }));
    logToggle.querySelector('input').disabled = !positive;
    if (!positive) logToggle.title = 'Not all values are above zero';
    const parts = [
      selection('Signal', view.signals.map((signal) => [signal, words(signal)]), view.signal, (signal) => change(() => { view.signal = signal; })),
      statistics.length > 1 && selection('Statistic at each step', statistics.map(({ statistic }) => [statistic, statistic]), current.statistic, (statistic) => change(() => { view.statistic = statistic; })),
      view.sizes.length > 1 && segments('Batch size', 'explorer-size', view.sizes.map((size) => [size, size]), view.size, (size) => change(() => { view.size = size; view.zoom = null; })),
      segments('Axis', 'explorer-axis', [['step', 'Steps'], ['epoch', 'Epochs']], view.epochs ? 'epoch' : 'step', (axis) => change(() => { view.epochs = axis === 'epoch'; })),
      logToggle,
      toggle('Single runs', view.singles, (on) => change(() => { view.singles = on; })),
    ];
    controls.replaceChildren(...parts.filter(Boolean));
    if (focused >= 0) controls.querySelectorAll('input, select')[focused]?.focus();
  }

  function showChart() {
    lines = linesOf(view);
    const seen = lines.filter((line) => !view.hidden.has(line.arm));
    const size = { width: Math.max(280, chart.clientWidth), height: innerWidth < 700 ? 300 : 400 };
    const unit = view.epochs ? unitOf(view) : 1;
    const log = view.log && lines.every(({ group }) => group.series[chosen(view)].log);
    const axis = { unit, name: view.epochs ? 'epoch' : 'step' };
    scales = drawChart(svg, size, { lines: seen, range: rangeOf(view), log, singles: view.singles, axis });
    svg.setAttribute('aria-label', `${view.signal} ${view.statistic} at batch size ${view.size}. Left and right move the read-out.`);
    cross = draw('g', { 'pointer-events': 'none' });
    svg.append(cross);
    reset.disabled = further.disabled = !view.zoom;
    showReadings();
    read(cursor);
  }

  function showReadings() {
    readings = lines.map((line) => {
      const input = make('input', { type: 'checkbox' });
      input.checked = !view.hidden.has(line.arm);
      input.addEventListener('change', () => change(() => view.hidden[input.checked ? 'delete' : 'add'](line.arm)));
      const dash = draw('line', { x1: 0, x2: 30, y1: 6, y2: 6, stroke: 'var(--arm)', 'stroke-width': 3, 'stroke-dasharray': DASHES[line.arm % 6] });
      const [value, span] = [make('b'), make('span', { class: 'span' })];
      const name = make('span', {}, line.name);
      const label = make('label', { class: `reading arm-${line.arm % 6}` }, input, draw('svg', { viewBox: '0 0 30 12', 'aria-hidden': 'true' }, dash), name, value, span);
      return { line, label, value, span };
    });
    list.replaceChildren(...readings.map(({ label }) => label));
  }

  /** Shows the values at a step; at none, what the chart is of. */
  function read(step) {
    cursor = step;
    cross.replaceChildren();
    const [from, to] = rangeOf(view);
    if (step === null || !scales || step < from - 1 || step > to + 1) {
      const { about: meaning } = data.series[chosen(view)];
      where.textContent = `${meaning[0].toUpperCase()}${meaning.slice(1)}. Point at the chart to read it.`;
      for (const { line, value, span } of readings) {
        value.textContent = '';
        span.textContent = `${line.group.seeds.length} runs, lr ${line.group.lr}`;
      }
      return;
    }
    let steps = null;
    for (const { line, value, span } of readings) {
      const { series, group, arm } = line;
      const at = nearest(series.places, step);
      const [first, last] = stepsOf(at, series.places.length, group.steps);
      steps ??= { first, last, place: series.places[at] };
      value.textContent = shown(series.median[at]);
      span.textContent = `${shown(series.low[at])} to ${shown(series.high[at])}`;
      if (!view.hidden.has(arm) && Number.isFinite(series.median[at])) {
        cross.append(draw('circle', { class: `dot arm-${arm % 6}`, cx: scales.x(series.places[at]), cy: scales.y(series.median[at]), r: 4.5 }));
      }
    }
    if (!steps) return;
    const x = scales.x(steps.place);
    cross.prepend(draw('line', { class: 'cross', x1: x, x2: x, y1: scales.top, y2: scales.bottom }));
    where.textContent = placeWords(steps);
  }

  function placeWords({ first, last }) {
    const epoch = Math.floor((first - 1) / unitOf(view)) + 1;
    const number = (step) => step.toLocaleString('en');
    return first === last
      ? `Step ${number(first)}, epoch ${epoch}: median of the runs, least to greatest`
      : `Steps ${number(first)} to ${number(last)}, epoch ${epoch}: one point gathers ${last - first + 1} steps of all runs; median, least to greatest`;
  }

  const stepAt = (clientX) => {
    const box = svg.getBoundingClientRect();
    const [from, to] = rangeOf(view);
    const part = (clientX - box.left - scales.left) / (scales.right - scales.left);
    return from + Math.min(1, Math.max(0, part)) * (to - from);
  };

  hands(svg, { view, change, read, stepAt, ready: () => scales !== null, scales: () => scales, cross: () => cross });
  keys(svg, { view, change, read: (step) => { read(step); spoken.textContent = [where.textContent, ...readings.map(({ label }) => label.textContent)].join('; '); }, lines: () => lines, cursor: () => cursor });
  new ResizeObserver(() => { if (Math.abs(chart.clientWidth - Number(svg.viewBox.baseVal.width)) > 1) showChart(); }).observe(chart);
  addEventListener('hashchange', () => { if (fromFragment(view, location.hash)) { showControls(); showChart(); } });
  showControls();
  showChart();
  if (fromAddress) place.scrollIntoView();
  return { read, view };
}


// What the whole page shares: making elements, the theme, copying, printing, figures in large.

const root = document.documentElement;

/** An element of HTML with attributes and children; `draw` makes one of SVG. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function draw(name, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** What is hidden without scripts is shown with them. */
function reveal(selector) {
  const found = [...document.querySelectorAll(selector)];
  for (const element of found) element.hidden = false;
  return found;
}

const dark = matchMedia('(prefers-color-scheme: dark)');

function theme() {
  return root.dataset.theme ?? (dark.matches ? 'dark' : 'light');
}

for (const button of reveal('.theme')) {
  const label = () => {
    const other = theme() === 'dark' ? 'Light' : 'Dark';
    button.textContent = other;
    button.setAttribute('aria-label', `Change to ${other.toLowerCase()} colours`);
  };
  button.addEventListener('click', () => {
    root.dataset.theme = theme() === 'dark' ? 'light' : 'dark';
    try { localStorage.setItem('seismograd-theme', root.dataset.theme); } catch { /* Storage may be forbidden. */ }
    label();
  });
  dark.addEventListener('change', label);
  label();
}

async function toClipboard(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = make('textarea', { readonly: '' });
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  if (!copied) throw new Error('the browser did not copy');
}

for (const button of reveal('.copy')) {
  const words = button.textContent;
  button.setAttribute('aria-live', 'polite');
  button.addEventListener('click', async () => {
    const parts = [...document.querySelectorAll(`[data-copied="${button.dataset.copy}"]`)];
    const lines = parts.flatMap((part) => [...(part.matches('p') ? [part] : part.querySelectorAll('p, li'))]);
    try {
      await toClipboard(lines.map((line) => line.textContent).join('\n'));
      button.textContent = 'Copied, cautions included';
    } catch {
      button.textContent = 'Not copied: select the text';
    }
    setTimeout(() => { button.textContent = words; }, 2500);
  });
}

for (const button of reveal('.enlarge')) {
  button.addEventListener('click', () => {
    const figure = button.closest('figure');
    const close = make('button', { type: 'button', class: 'tool' }, 'Close');
    const drawing = make('div', { class: 'drawing', tabindex: '0' }, figure.querySelector('.drawing svg').cloneNode(true));
    const title = make('h3', {}, figure.querySelector('h3').textContent);
    const dialog = make('dialog', { 'aria-label': title.textContent }, make('div', { class: 'row' }, title, close), drawing);
    close.addEventListener('click', () => dialog.close());
    dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener('close', () => { dialog.remove(); button.focus(); });
    document.body.append(dialog);
    dialog.showModal();
  });
  button.closest('figure').querySelector('.drawing').addEventListener('dblclick', () => button.click());
}

let closed = [];
addEventListener('beforeprint', () => {
  closed = [...document.querySelectorAll('details:not([open])')];
  for (const details of closed) details.open = true;
});
addEventListener('afterprint', () => { for (const details of closed) details.open = false; });


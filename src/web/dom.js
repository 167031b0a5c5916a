// dom.js: elements and words, as every view makes them.

export const $ = id => document.getElementById(id);

export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

export function button(text, onClick, className = '') {
  const made = element('button', className, text);
  made.type = 'button';
  made.addEventListener('click', onClick);
  return made;
}

export const onClick = (id, act) => $(id).addEventListener('click', act);
export const isPressed = toggle => toggle.getAttribute('aria-pressed') === 'true';
export const press = (toggle, isOn) => toggle.setAttribute('aria-pressed', String(isOn));

export const two = number => String(number).padStart(2, '0');
export const number = value => value.toLocaleString(document.documentElement.lang);
export const listed = (words, type = 'conjunction') => new Intl.ListFormat(document.documentElement.lang, { type }).format(words);

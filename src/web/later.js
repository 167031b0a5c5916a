// later.js: modules that few visits need, fetched when one does.

function styled(path) {
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = path;
  document.head.append(link);
  return new Promise((resolve, reject) => Object.assign(link, { onload: resolve, onerror: reject }));
}

/** What is called returns the module's promise. A browser may remember that a fetch has failed: the next one has another address. */
function later(path, style) {
  let module = null;
  let failures = 0;
  return () => {
    module ??= Promise.all([import(failures ? `${path}?${failures}` : path), style && styled(style)]).then(([it]) => it, error => {
      module = null;
      failures++;
      throw error;
    });
    return module;
  };
}

export const chatModule = later('./chat.js', 'chat.css');
export const callModule = later('./call.js', 'call.css');
export const firstWordModule = later('./first-word.js');
export const transcriptModule = later('./transcript.js');

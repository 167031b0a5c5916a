// boot.js: whether this browser can run the page at all; then the page. Written for browsers of 2012: index.html gives it to those that know no
// modules as well. What the page's syntax needs is as old as the newest of these.

(function () {
  var script = document.createElement('script');
  var needs = [
    ['modules', 'noModule' in script],
    ['WebSocket', window.WebSocket],
    ['Object.hasOwn', Object.hasOwn],
    ['Array.at', [].at],
    ['Intl.ListFormat', window.Intl && Intl.ListFormat],
    ['ResizeObserver', window.ResizeObserver]
  ];
  var lacks = [];
  for (var i = 0; i < needs.length; i++) if (!needs[i][1]) lacks.push(needs[i][0]);

  function giveUp(words) {
    document.getElementById('banner').textContent = words;
    document.getElementById('start-form').style.display = 'none';
  }

  if (lacks.length) return giveUp('This browser is too old for the chat (it lacks ' + lacks.join(', ') + ').');
  script.type = 'module';
  script.src = 'app.js';
  script.onerror = function () { giveUp('The page did not load whole. Please reload it.'); };
  document.head.appendChild(script);
})();

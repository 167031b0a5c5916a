// leaving.js: ways out of a chat that ask first: a button that asks when it is pressed and acts when it is pressed again, and the
// browser's Back and reload.

const SURE_LASTS_MS = 4000;

/** onAsk(isAsking) at each change. */
export function askFirst(button, onAsk, act) {
  let timer = 0;
  const isAsking = () => timer !== 0;
  const turn = asks => {
    const wasAsking = isAsking();
    clearTimeout(timer);
    timer = asks ? setTimeout(turn, SURE_LASTS_MS, false) : 0;
    button.classList.toggle('asking', asks);
    if (asks || wasAsking) onAsk(asks);
  };
  const press = () => {
    const isSure = isAsking();
    turn(!isSure);
    if (isSure) act();
  };
  return { press, calm: () => turn(false), isAsking };
}

/** An entry of its own in the history: Back leads out of the chat, and not out of the page. */
export function openWayBack() {
  if (!history.state?.isChat) history.pushState({ isChat: true }, '');
}

/** isLosing(): a reload would end a chat. onBack(): Back was pressed. */
export function initWaysOut(isChatting, isLosing, onBack) {
  addEventListener('popstate', () => {
    if (history.state?.isChat) return;
    onBack();
    if (isChatting()) openWayBack();
  });
  addEventListener('beforeunload', event => {
    if (!isLosing()) return;
    event.preventDefault();
    event.returnValue = 'chatting'; // for browsers that know only this
  });
}

/** Ask before a person leaves edits behind that the server has not confirmed. */
import { isAtRisk } from './saving.js';
import { LOGOUT } from './signals.js';

/**
 * @param {import('./ledger.js').Ledger} ledger
 * @param {AbortSignal} signal
 * @returns {{ disarm: () => void }} `disarm` before a departure that the person has decided on
 */
export function guardLeaving(ledger, signal) {
  let armed = true;
  const disarm = () => {
    armed = false;
  };
  window.addEventListener(
    'beforeunload',
    (event) => {
      if (armed && isAtRisk(ledger.state)) event.preventDefault();
    },
    { signal },
  );
  // Logging out wipes the local copy too, so the question comes before that, and only once.
  window.addEventListener(
    LOGOUT,
    (event) => {
      const question = gettext('Your last changes are not saved. Log out and lose them?');
      if (isAtRisk(ledger.state) && !window.confirm(question)) event.preventDefault();
      else disarm();
    },
    { signal },
  );
  return { disarm };
}

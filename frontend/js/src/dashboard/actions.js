/** What the buttons and menus of a dashboard do: `data-act` says which. */
import { fillScreen, leaveScreen } from './look.js';
import { pictureOf, save } from './picture.js';
import { paramsOf } from './selection.js';

/** @typedef {import('./board.js').CollabDashboard} Board */

export class Actions {
  /**
   * @param {Board} board
   * @param {AbortSignal} signal
   */
  constructor(board, signal) {
    this.board = board;
    board.addEventListener('click', this.onClick, { signal });
    document.addEventListener('fullscreenchange', this.onScreen, { signal });
  }

  /** @returns {Record<string, (panel: string) => void>} */
  get all() {
    const { board } = this;
    const range = board.control('collab-range');
    return {
      pause: () => this.pause(),
      kiosk: () => this.kiosk(),
      leave: () => this.leave(),
      help: () => /** @type {HTMLDialogElement} */ (board.querySelector('#help')).showModal(),
      'toggle-edit': () => this.toggleEdit(),
      begin: () => this.begin(),
      earlier: () => range.step(-1),
      later: () => range.step(1),
      wider: () => range.stretch(2),
      look: (panel) => this.alone(panel),
      png: (panel) => this.picture(panel),
    };
  }

  /** @param {MouseEvent} event */
  onClick = (event) => {
    const { target } = event;
    if (!(target instanceof Element)) return;
    const csv = target.closest('a[data-csv]');
    if (csv instanceof HTMLAnchorElement) this.aim(csv);
    const item = target.closest('.menu__item');
    if (item) closeMenu(item);
    const button = target.closest('[data-act]');
    if (!(button instanceof HTMLElement) || button.getAttribute('aria-disabled') === 'true') return;
    this.all[button.dataset.act ?? '']?.(panelOf(button));
  };

  /** @param {HTMLAnchorElement} link let it have what is shown now */
  aim(link) {
    const { view } = this.board;
    if (view) link.search = paramsOf(view.selection).toString();
  }

  pause() {
    const { feed } = this.board;
    if (feed?.isPaused) feed.resume();
    else feed?.pause();
    this.update();
  }

  kiosk() {
    this.board.view?.show({ kiosk: true, edit: false });
    fillScreen();
  }

  leave() {
    const { view } = this.board;
    if (view?.look.kiosk) view.show({ kiosk: false });
    else view?.show({ panel: null });
    leaveScreen();
  }

  /** The browser's own way out of the full screen leaves the kiosk, too. */
  onScreen = () => {
    const { view } = this.board;
    if (!document.fullscreenElement && view?.look.kiosk) view.show({ kiosk: false });
  };

  toggleEdit() {
    const { view, config } = this.board;
    if (view && config?.canWrite) view.show({ edit: !view.look.edit, kiosk: false });
  }

  /** The first panel of all: switch editing on, and offer what there is. */
  begin() {
    this.toggleEdit();
    const menu = this.board.querySelector('.controls__add')?.closest('details');
    if (menu) menu.open = true;
  }

  /** @param {string} panel */
  alone(panel) {
    const { view } = this.board;
    view?.show({ panel: view.look.panel === panel ? null : panel });
  }

  /** @param {string} panel */
  async picture(panel) {
    const element = document.getElementById(`panel-${panel}`);
    if (!element) return;
    const title = element.querySelector('.panel__title')?.textContent?.trim();
    save(await pictureOf(element), `${title || gettext('panel')}.png`);
  }

  /** Show on the buttons what is so. */
  update() {
    const { feed, view, board } = { ...this.board, board: this.board };
    const isPaused = feed?.isPaused ?? false;
    const pause = board.querySelector('[data-act="pause"]');
    pause?.setAttribute('aria-pressed', String(isPaused));
    const icon = pause?.querySelector('use');
    const sprite = icon?.getAttribute('href')?.split('#')[0] ?? '';
    icon?.setAttribute('href', `${sprite}#${isPaused ? 'play' : 'pause'}`);
    const edit = board.querySelector('[data-act="toggle-edit"]');
    edit?.setAttribute('aria-checked', String(view?.look.edit ?? false));
    const leave = board.querySelector('.board__leave');
    const whole = gettext('Show all panels');
    if (leave) leave.textContent = view?.look.kiosk ? gettext('Leave full screen') : whole;
    const words = view?.look.panel ? whole : gettext('View alone');
    for (const item of board.querySelectorAll('[data-act="look"]')) {
      if (item.textContent !== words) item.textContent = words;
    }
  }
}

/**
 * @param {Element} element
 * @returns {string} the id of the panel that it is in, or empty
 */
const panelOf = (element) =>
  /** @type {HTMLElement | null} */ (element.closest('.panel'))?.dataset.panel ?? '';

/** @param {Element} element */
const closeMenu = (element) => element.closest('details[data-menu]')?.removeAttribute('open');

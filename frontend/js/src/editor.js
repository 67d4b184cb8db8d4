/** The editor page: defines its elements, which find each other inside `<collab-editor>`. */
import { CollabEditor } from './document.js';
import { CollabFailure } from './failure.js';
import { CollabLink } from './link.js';
import { CollabState } from './state.js';
import { CollabTitle } from './title.js';
import { CollabToolbar } from './toolbar.js';

customElements.define('collab-title', CollabTitle);
customElements.define('collab-toolbar', CollabToolbar);
customElements.define('collab-link', CollabLink);
customElements.define('collab-state', CollabState);
customElements.define('collab-failure', CollabFailure);
// Last: it binds the others.
customElements.define('collab-editor', CollabEditor);

/** The editor page: defines its elements, which find each other inside `<collab-editor>`. */
import { CollabEditor } from './document.js';
import { CollabFailure } from './failure.js';
import { CollabFind } from './find.js';
import { CollabLink } from './link.js';
import { CollabPeople } from './people.js';
import { CollabRights } from './rights.js';
import { CollabState } from './state.js';
import { CollabTitle } from './title.js';
import { CollabToolbar } from './toolbar.js';
import { CollabWords } from './words.js';

customElements.define('collab-title', CollabTitle);
customElements.define('collab-toolbar', CollabToolbar);
customElements.define('collab-link', CollabLink);
customElements.define('collab-state', CollabState);
customElements.define('collab-failure', CollabFailure);
customElements.define('collab-rights', CollabRights);
customElements.define('collab-people', CollabPeople);
customElements.define('collab-find', CollabFind);
customElements.define('collab-words', CollabWords);
// Last: it binds the others.
customElements.define('collab-editor', CollabEditor);

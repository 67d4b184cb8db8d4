/** The page of a dashboard: defines its elements, which find each other in `<collab-dashboard>`. */
import { CollabDashboard } from './dashboard/board.js';
import { CollabChart } from './dashboard/chart.js';
import { CollabFeed } from './dashboard/feed-line.js';
import { CollabMarkdown } from './dashboard/markdown.js';
import { CollabRange } from './dashboard/range.js';
import { CollabSuggest } from './dashboard/suggest.js';
import { CollabVariables } from './dashboard/variables.js';
import { CollabFailure } from './failure.js';
import { CollabPeople } from './people.js';
import { CollabRights } from './rights.js';
import { CollabState } from './state.js';
import { CollabTitle } from './title.js';

customElements.define('collab-title', CollabTitle);
customElements.define('collab-state', CollabState);
customElements.define('collab-failure', CollabFailure);
customElements.define('collab-people', CollabPeople);
customElements.define('collab-rights', CollabRights);
customElements.define('collab-chart', CollabChart);
customElements.define('collab-feed', CollabFeed);
customElements.define('collab-range', CollabRange);
customElements.define('collab-variables', CollabVariables);
customElements.define('collab-suggest', CollabSuggest);
customElements.define('collab-markdown', CollabMarkdown);
// Last: it binds the others.
customElements.define('collab-dashboard', CollabDashboard);

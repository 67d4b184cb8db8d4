"""Which series came with a key, also after it was deleted."""

from typing import Any

from django.db import migrations, models


def note(apps: Any, schema_editor: Any) -> None:
    series = apps.get_model("dashboards", "Series").objects.using(schema_editor.connection.alias)
    series.exclude(key=None).update(sent=True)


class Migration(migrations.Migration):
    dependencies = [("dashboards", "0003_visit")]

    operations = [
        migrations.AddField(
            "series",
            "sent",
            models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.RunPython(note, migrations.RunPython.noop),
    ]

from typing import Any

import dashboards.store.models
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import NotSupportedError, migrations, models


# Two kinds of tables are made here by hand: in their key's order on SQLite, partitioned by time on
# PostgreSQL. Django's state knows them as ordinary models.
TABLES = {
    "dashboards_sample": ("value", "double precision"),
    "dashboards_tenseconds": ("data", "bytea"),
    "dashboards_minute": ("data", "bytea"),
    "dashboards_hour": ("data", "bytea"),
}
SQLITE_TYPES = {"double precision": "real", "bytea": "blob"}


def create_tables(apps: Any, schema_editor: Any) -> None:
    vendor = schema_editor.connection.vendor
    if vendor not in ("sqlite", "postgresql"):
        raise NotSupportedError("Dashboards keep their numbers on SQLite or PostgreSQL.")
    for table, (column, kind) in TABLES.items():
        if vendor == "sqlite":
            kind, storage = SQLITE_TYPES[kind], "WITHOUT ROWID"
        else:
            storage = "PARTITION BY RANGE (at_ms)"
        schema_editor.execute(
            f"CREATE TABLE {table} (series_id bigint NOT NULL, at_ms bigint NOT NULL,"
            f" {column} {kind} NOT NULL, PRIMARY KEY (series_id, at_ms)) {storage}"
        )


def drop_tables(apps: Any, schema_editor: Any) -> None:
    for table in TABLES:
        schema_editor.execute(f"DROP TABLE {table}")


class Migration(migrations.Migration):

    dependencies = [
        ('collab', '0004_version_whole'),
        ('dashboards', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Lease',
            fields=[
                ('name', models.CharField(max_length=255, primary_key=True, serialize=False)),
                ('holder', models.CharField(max_length=32)),
                ('until_ms', models.BigIntegerField(default=0)),
            ],
            options={
                'verbose_name': 'lease',
                'verbose_name_plural': 'leases',
            },
        ),
        migrations.CreateModel(
            name='Ledger',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('closed_ms', models.BigIntegerField(default=0)),
                ('generation', models.BigIntegerField(default=dashboards.store.models.new_generation)),
            ],
            options={
                'verbose_name': 'ledger',
                'verbose_name_plural': 'ledgers',
            },
        ),
        migrations.CreateModel(
            name='Reopened',
            fields=[
                ('pk', models.CompositePrimaryKey('series_id', 'at_ms', blank=True, editable=False, primary_key=True, serialize=False)),
                ('series_id', models.BigIntegerField()),
                ('at_ms', models.BigIntegerField()),
                ('touched', models.BigIntegerField(default=1)),
            ],
            options={
                'verbose_name': 'reopened minute',
                'verbose_name_plural': 'reopened minutes',
            },
        ),
        migrations.CreateModel(
            name='Retention',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('pattern', models.CharField(help_text="A metric's name; * stands for any characters, ? for one.", max_length=255, unique=True, verbose_name='metric')),
                ('raw_days', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='days of raw samples')),
                ('ten_second_days', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='days of 10 s buckets')),
                ('minute_days', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='days of 1 min buckets')),
                ('hour_days', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='days of 1 h buckets')),
            ],
            options={
                'verbose_name': 'retention',
                'verbose_name_plural': 'retentions',
            },
        ),
        migrations.CreateModel(
            name='Watermark',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('turn', models.BigIntegerField(default=0)),
                ('ten_seconds_ms', models.BigIntegerField(default=0)),
                ('minute_ms', models.BigIntegerField(default=0)),
                ('hour_ms', models.BigIntegerField(default=0)),
            ],
            options={
                'verbose_name': 'watermark',
                'verbose_name_plural': 'watermarks',
            },
        ),
        migrations.CreateModel(
            name='Series',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(db_index=True, max_length=255, verbose_name='name')),
                ('labels', models.TextField(default='{}', verbose_name='labels')),
                ('digest', models.CharField(editable=False, max_length=32, unique=True)),
                ('kind', models.CharField(choices=[('gauge', 'gauge'), ('counter', 'counter'), ('bucket', 'bucket'), ('quantile', 'quantile')], default='gauge', max_length=10, verbose_name='kind')),
                ('unit', models.CharField(blank=True, max_length=63, verbose_name='unit')),
                ('raw_since_ms', models.BigIntegerField(default=0, editable=False)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='created at')),
                ('key', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='collab.apikey', verbose_name='first sent with')),
            ],
            options={
                'verbose_name': 'series',
                'verbose_name_plural': 'series',
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(create_tables, drop_tables)],
            state_operations=[
                migrations.CreateModel(
                    name='Hour',
                    fields=[
                        ('pk', models.CompositePrimaryKey('series_id', 'at_ms', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('series_id', models.BigIntegerField()),
                        ('at_ms', models.BigIntegerField()),
                        ('data', models.BinaryField()),
                    ],
                    options={
                        'verbose_name': '1 h bucket',
                        'verbose_name_plural': '1 h buckets',
                    },
                ),
                migrations.CreateModel(
                    name='Minute',
                    fields=[
                        ('pk', models.CompositePrimaryKey('series_id', 'at_ms', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('series_id', models.BigIntegerField()),
                        ('at_ms', models.BigIntegerField()),
                        ('data', models.BinaryField()),
                    ],
                    options={
                        'verbose_name': '1 min bucket',
                        'verbose_name_plural': '1 min buckets',
                    },
                ),
                migrations.CreateModel(
                    name='Sample',
                    fields=[
                        ('pk', models.CompositePrimaryKey('series_id', 'at_ms', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('series_id', models.BigIntegerField()),
                        ('at_ms', models.BigIntegerField()),
                        ('value', models.FloatField()),
                    ],
                    options={
                        'verbose_name': 'sample',
                        'verbose_name_plural': 'samples',
                    },
                ),
                migrations.CreateModel(
                    name='TenSeconds',
                    fields=[
                        ('pk', models.CompositePrimaryKey('series_id', 'at_ms', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('series_id', models.BigIntegerField()),
                        ('at_ms', models.BigIntegerField()),
                        ('data', models.BinaryField()),
                    ],
                    options={
                        'verbose_name': '10 s bucket',
                        'verbose_name_plural': '10 s buckets',
                    },
                ),
            ],
        ),
    ]

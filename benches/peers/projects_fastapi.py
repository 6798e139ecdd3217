"""GET /v1/projects in FastAPI on SQLite: the same page, from the same number of rows, with the same wrapper.

    projects_fastapi.py PORT DATABASE ROWS
"""
import datetime
import sqlite3
import sys
import uuid

import uvicorn
from fastapi import FastAPI

app = FastAPI()
database = None


def prepare(path, rows):
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute("pragma journal_mode=wal")
    connection.execute("create table projects(project_id blob primary key, name text unique, description text, status text,"
                       " settings text, created_at integer, updated_at integer)")
    connection.execute("create table clips(clip_id blob primary key, project_id blob, status text)")
    connection.execute("create index clips_project on clips(project_id, status)")
    for i in range(rows):
        connection.execute("insert into projects values(?,?,?,?,?,?,?)",
                           (uuid.uuid4().bytes, f"p{i}", "", "PAUSED", "{}", 1_700_000_000_000_000 + i, 0))
    connection.commit()
    return connection


def moment(us):
    return datetime.datetime.fromtimestamp(us / 1e6, datetime.timezone.utc).isoformat().replace("+00:00", "Z")


@app.get("/v1/projects")
async def projects(limit: int = 50, offset: int = 0):
    total = database.execute("select count(*) from projects").fetchone()[0]
    rows = database.execute("select project_id, name, status, created_at from projects order by created_at, project_id limit ? offset ?",
                            (limit, offset)).fetchall()
    items = []
    for key, name, status, created in rows:
        ready = database.execute("select count(*) from clips where project_id = ? and status = 'READY'", (key,)).fetchone()[0]
        items.append({"project_id": str(uuid.UUID(bytes=key)), "name": name, "status": status, "videos_scraped": 0,
                      "clips_ready": ready, "created_at": moment(created)})
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    return {"status": "success", "data": {"items": items, "pagination": {"limit": limit, "offset": offset, "total": total}},
            "error": None, "meta": {"request_id": str(uuid.uuid4()), "generated_at": now}}


if __name__ == "__main__":
    database = prepare(sys.argv[2], int(sys.argv[3]))
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False)

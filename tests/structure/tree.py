"""The files of the project as git knows them (or would, once they are added)."""
import pathlib
import subprocess

REPO = pathlib.Path(__file__).resolve().parents[2]
LINE = ["schema", "jobs", "notifier", "api", "cli"]      # each includes itself and what is left of it


def files(*endings):
    listed = subprocess.run(["git", "-C", REPO, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True)
    if listed.returncode == 0:
        names = [name for name in listed.stdout.decode().split("\0") if name]
    else:                                                # a tree without its git folder, such as a tarball
        names = [str(path.relative_to(REPO)) for path in REPO.rglob("*")
                 if path.is_file() and "build" not in path.relative_to(REPO).parts]
    return sorted(REPO / name for name in set(names)
                  if (REPO / name).is_file() and (not endings or name.endswith(endings)))


def name(path):
    return str(path.relative_to(REPO))


def sources():
    return [path for path in files(".c", ".h") if path.relative_to(REPO).parts[0] in LINE]

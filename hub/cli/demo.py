"""`hub demo`: the whole path at work, in under a minute.

Owns: the command, its options and its exit code.
Never: plays; hub/demo does.
"""

from __future__ import annotations

import signal
import sys
from io import TextIOWrapper
from pathlib import Path
from types import FrameType

import click

from hub.demo.play import Wishes, perform
from hub.demo.tell import Teller

EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells count


@click.command()
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Ghi kết quả JSON / facts as JSON."
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Giữ lại mọi thứ trong thư mục mới này / leave everything in this new folder.",
)
@click.option("--serve", "stay", is_flag=True, help="Để trục chạy tiếp đến khi Ctrl-C / stay up until Ctrl-C.")
def demo(*, json_file: Path | None, keep: Path | None, stay: bool) -> None:
    """Chạy thử toàn tuyến với bốn cơ quan / the whole path with four agencies, each step checked."""
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise click.BadParameter(f"{keep}: thư mục không trống / the folder is not empty", param_hint="--keep")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _asked_to_stop)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without UTF-8 shows ? and does not stop the demo
    tell = Teller(_show, colours=sys.stdout.isatty())
    try:
        performance = perform(Wishes(keep=keep, stay=stay, json_file=json_file), tell)
    except KeyboardInterrupt:
        click.echo("\nĐã dừng; trục chạy thử đã tắt. / Stopped; the demo's hub is down.", err=True)
        sys.exit(EXIT_INTERRUPTED)
    sys.exit(0 if performance.good else 1)


def _show(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()


def _asked_to_stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt

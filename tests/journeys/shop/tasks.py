"""Tasks: what an action of kind `task` may send."""

import urllib.request

from celery import shared_task


@shared_task(name="shop.refund")
def refund(address: str, cart: str) -> None:
    """Say at an address of this machine which cart was refunded."""
    request = urllib.request.Request(address, data=cart.encode(), method="POST")  # noqa: S310
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310

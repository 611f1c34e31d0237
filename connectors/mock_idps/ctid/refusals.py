"""The errors that the mock produces, by code, in the words of `errorDesc`."""

from enum import StrEnum
from typing import Final


class Code(StrEnum):
    """`FF..` are synthetic: what is wrong with a request itself has no public code."""

    CREDENTIAL_EXPIRED = "0x00A19001"
    CARD_EXPIRED = "0x00A19002"
    CANCELLED = "0x00A19003"
    FROZEN = "0x00A19004"
    DOWNLOADED_ELSEWHERE = "0x00A19006"
    NOT_SAME_PERSON = "0x00A19102"
    NO_PHOTO = "0x00A19103"
    POOR_PHOTO = "0x00A19105"
    BAD_AUTH_CODE = "0x00A19201"
    NOT_ENROLLED = "0x00A19202"
    QR_UNKNOWN = "0x00A19300"
    QR_EXPIRED = "0x00A19301"
    QR_USED = "0x00A19302"
    NOT_VALID = "0x00A19401"
    QUOTA = "0x00A19404"
    SIGNATURE = "0x00A1FF01"
    TIME = "0x00A1FF02"
    SERIAL = "0x00A1FF03"
    CUSTOMER = "0x00A1FF04"
    MALFORMED = "0x00A1FF05"
    OTHER_BUSINESS = "0x00A1FF06"


_TEXTS: Final = {
    Code.CREDENTIAL_EXPIRED: "网证已过期，请重新下载",
    Code.CARD_EXPIRED: "身份证件已过有效期",
    Code.CANCELLED: "网证已注销",
    Code.FROZEN: "网证已冻结",
    Code.DOWNLOADED_ELSEWHERE: "网证已在其他设备重新下载",
    Code.NOT_SAME_PERSON: "人像比对不是同一人",
    Code.NO_PHOTO: "库中无人像",
    Code.POOR_PHOTO: "人像质量不合格",
    Code.BAD_AUTH_CODE: "认证码错误",
    Code.NOT_ENROLLED: "未开通网证",
    Code.QR_UNKNOWN: "二维码无效",
    Code.QR_EXPIRED: "二维码已过期",
    Code.QR_USED: "二维码已使用",
    Code.NOT_VALID: "身份信息无效",
    Code.QUOTA: "认证次数已达上限",
    Code.SIGNATURE: "验签失败",
    Code.TIME: "时间戳超出允许范围",
    Code.SERIAL: "业务流水号不存在、已使用或已过期",
    Code.CUSTOMER: "客户号不存在",
    Code.MALFORMED: "请求数据格式错误",
    Code.OTHER_BUSINESS: "数据与本次业务不符",
}


class Refused(Exception):
    """An answer with `success` false."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code = code

    @property
    def description(self) -> str:
        return f"{self.code.value} {_TEXTS[self.code]}"

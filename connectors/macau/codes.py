"""Error codes of the provider and what each means to the traveller (specs/macau.md 7)."""

from collections.abc import Mapping
from typing import Final

from broker.wire.identity_connector import ProviderFault

CODES: Final[Mapping[str, ProviderFault]] = {
    # at the login
    "conta_nao_pessoal": ProviderFault.WRONG_ACCOUNT,
    "conta_suspensa": ProviderFault.FROZEN,
    "documento_caducado": ProviderFault.EXPIRED_CREDENTIAL,
    "eid_nao_vinculada": ProviderFault.NOT_ENROLLED,
    "eid_noutro_telemovel": ProviderFault.NOT_ENROLLED,
    "rosto_diferente": ProviderFault.NOT_SAME_PERSON,
    "rosto_ilegivel": ProviderFault.POOR_PHOTO,
    "tempo_esgotado": ProviderFault.TIMED_OUT,
    # at the packet
    "destinatario_nao_escolhido": ProviderFault.WITHHELD,
    "consentimento_retirado": ProviderFault.WITHHELD,
    "quota_esgotada": ProviderFault.QUOTA,
    # ours to mend
    "departamento_nao_registado": ProviderFault.MISCONFIGURED,
    "invalid_redirect_uri": ProviderFault.MISCONFIGURED,
    # at a counter
    "qr_caducado": ProviderFault.TIMED_OUT,
    "qr_desconhecido": ProviderFault.REFUSED,
    "qr_usado": ProviderFault.REFUSED,
    "pedido_caducado": ProviderFault.TIMED_OUT,
}

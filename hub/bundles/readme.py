"""README.txt of a bundle: what it is and how to check it, for someone who finds it years later.

Owns: that text.
Never: changes without a new format version, because the bytes of a bundle follow from its facts.
"""

TEXT = """\
HỒ SƠ CHỨNG CỨ CỦA MỘT LẦN GỬI VĂN BẢN ĐIỆN TỬ (trục liên thông văn bản)

Tệp .asice này là gói ASiC-E (ETSI EN 319 162-1): một tệp ZIP không nén, có chữ ký số CAdES của trục trên bản kê
META-INF/ASiCManifest001.xml; bản kê ghi SHA-256 của từng tệp. Không sửa, không giải nén rồi đóng gói lại.

  envelope.edxml      gói tin đúng từng byte như trục đã nhận (không có khi trục không giữ; index.json nêu lý do)
  findings.json       kết luận của trục, quy tắc đã dùng, từng điểm ghi nhận, báo cáo chữ ký, có thay bản giấy không
  receipts/           biên nhận có chữ ký của trục (JWS, ES256): nhận, giao, trạng thái xử lý
  certificates/       chứng thư của trục và của người ký
  revocation/         danh sách thu hồi (CRL) và trả lời OCSP mà kết luận dựa vào
  proofs.json         chứng minh Merkle (RFC 6962): biên nhận nằm trong niêm phong nào
  timestamps/         dấu thời gian (RFC 3161) của các niêm phong
  index.json          bản này nói về lần gửi nào, lập lúc nào

Kiểm tra trên một máy bất kỳ, không cần mạng, chỉ cần các chứng thư tin cậy:
  hub verify TỆP.asice --trust THƯ_MỤC
THƯ_MỤC có các thư mục con government/, public/, timestamping/, hub/. Lấy chứng thư của trục từ cơ quan vận hành,
không lấy từ chính gói này.


EVIDENCE OF ONE SENDING OF AN ELECTRONIC DOCUMENT (document exchange hub)

This .asice file is an ASiC-E container (ETSI EN 319 162-1): a ZIP file without compression, with the hub's CAdES
signature over META-INF/ASiCManifest001.xml, which lists the SHA-256 of every file. Do not change or repack it.

  envelope.edxml      the envelope byte for byte as received (absent when it was not kept; index.json says why)
  findings.json       the verdict, the rules used, every finding, the signature reports, whether it replaces paper
  receipts/           receipts signed by the hub (JWS, ES256): acceptance, hand-over, administrative statuses
  certificates/       certificates of the hub and of the signers
  revocation/         revocation lists (CRL) and OCSP answers on which the verdict rests
  proofs.json         Merkle proofs (RFC 6962): which seal holds which receipt
  timestamps/         RFC 3161 timestamps of the seals
  index.json          which sending this is about, and when the bundle was made

To check it on any machine, without a network, with the trusted certificates alone:
  hub verify FILE.asice --trust FOLDER
FOLDER has the folders government/, public/, timestamping/, hub/. Get the hub's certificate from those who run the
hub, not from this bundle.
"""
